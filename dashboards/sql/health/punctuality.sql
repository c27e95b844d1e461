-- What did not begin in time; the newest first.
select
  due_at as "Due",
  verdict as "Verdict",
  job as "Job",
  service as "Service",
  started_at as "Started",
  coalesce(delay_s, extract(epoch from now() - due_at)::double precision) as "Behind",
  grace_s as "Grace",
  schedule as "Schedule",
  run_id as "Run"
from joblog.job_punctuality
where $__timeFilter(due_at) and service in ($service) and job in ($job)
  and open and verdict in ('late', 'started late', 'missed')
order by due_at desc, job
limit 200
