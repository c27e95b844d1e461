select
  started_at as "Started",
  job as "Job",
  service as "Service",
  case when retried then 'retried' else status end as "Status",
  duration_s as "Took",
  trigger as "Trigger",
  type as "Type",
  reference as "Reference",
  attempt || coalesce(' of ' || max_attempts, '') as "Attempt",
  lines as "Lines",
  bytes as "Bytes",
  errors as "Error lines",
  left(coalesce(error_message, status_message), 500) as "About",
  run_id as "Run",
  trace_id as "Trace",
  (floor(extract(epoch from started_at) * 1000) - 1000)::bigint::text as "From",
  (ceil(extract(epoch from coalesce(ended_at, now())) * 1000) + 1000)::bigint::text as "To"
from joblog.job_history
where $__timeFilter(started_at) and service in ($service) and job in ($job) and type in ($type)
  and trigger in ($trigger) and case when retried then 'retried' else status end in ($status)
order by started_at desc
limit 100
