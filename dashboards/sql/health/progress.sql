select
  job as "Job",
  service as "Service",
  percent / 100 as "Done",
  current as "Count",
  total as "Of",
  unit as "Unit",
  elapsed_s as "For",
  remaining_s as "Left at this pace",
  extract(epoch from now() - progress_at)::double precision as "Since last progress",
  run_id as "Run"
from joblog.job_progress
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
order by started_at
limit 100
