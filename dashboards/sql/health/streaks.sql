select
  job || case when service = '' then '' else ' · ' || service end as "Job",
  failures_in_a_row as "Failed in a row"
from joblog.job_health
where failures_in_a_row > 0 and service in ($service) and job in ($job)
  and (type is null or type in ($type)) and (trigger is null or trigger in ($trigger))
order by 2 desc, 1
limit 20
