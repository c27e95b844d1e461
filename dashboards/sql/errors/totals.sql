select
  coalesce(sum(errors + timeouts + lost), 0)::bigint as "Failed",
  coalesce(sum(errors), 0)::bigint as "Errors",
  coalesce(sum(timeouts), 0)::bigint as "Timed out",
  coalesce(sum(lost), 0)::bigint as "Lost",
  coalesce(sum(retried), 0)::bigint as "Retried",
  sum(errors + timeouts + lost)::double precision / nullif(sum(successes + errors + timeouts + lost), 0)
    as "Failure rate"
from joblog.job_counts($__timeFrom(), $__timeTo())
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
