select
  coalesce(sum(successes + skipped + cancelled + errors + timeouts + lost + retried), 0)::bigint as "Ended runs",
  coalesce(sum(errors + timeouts + lost), 0)::bigint as "Failed",
  coalesce(sum(retried), 0)::bigint as "Retried",
  sum(successes)::double precision / nullif(sum(successes + errors + timeouts + lost), 0) as "Success rate"
from joblog.job_counts($__timeFrom(), $__timeTo())
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
