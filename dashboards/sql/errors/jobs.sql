select
  job as "Job",
  service as "Service",
  sum(errors + timeouts + lost)::bigint as "Failed",
  sum(successes + errors + timeouts + lost)::bigint as "Runs",
  sum(errors + timeouts + lost)::double precision / sum(successes + errors + timeouts + lost) as "Failure rate",
  sum(errors)::bigint as "Errors",
  sum(timeouts)::bigint as "Timed out",
  sum(lost)::bigint as "Lost",
  sum(retried)::bigint as "Retried"
from joblog.job_counts($__timeFrom(), $__timeTo())
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
group by job, service
having sum(errors + timeouts + lost) > 0
order by 3 desc, 1, 2
limit 50
