select
  job || case when service = '' then '' else ' · ' || service end as "Job",
  sum(successes)::double precision / sum(successes + errors + timeouts + lost) as "Success rate"
from joblog.job_counts($__timeFrom(), $__timeTo())
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
group by job, service
having sum(successes + errors + timeouts + lost) > 0
order by 2, 1
limit 20
