-- Of the last seven days of the time shown at most.
select
  step as "Step",
  job as "Job",
  service as "Service",
  count(*) as "Failed",
  max(started_at) as "Last failed",
  (array_agg(left(coalesce(error_message, status_message), 500) order by started_at desc))[1] as "Last error",
  (array_agg(run_id order by started_at desc))[1] as "Run"
from joblog.job_steps
where $__timeFilter(started_at) and started_at > $__timeTo()::timestamptz - interval '7 days' and failed
  and service in ($service) and job in ($job)
group by step, job, service
order by 4 desc, 5 desc
limit 50
