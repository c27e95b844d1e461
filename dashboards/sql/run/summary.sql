select
  case when retried then 'retried' else status end as "Status",
  job as "Job",
  service as "Service",
  started_at as "Started",
  coalesce(duration_s, extract(epoch from now() - started_at)::double precision) as "Took",
  steps as "Steps",
  lines as "Lines",
  lines_emitted as "Lines emitted",
  bytes as "Bytes",
  warnings as "Warnings",
  errors as "Error lines",
  attempt || coalesce(' of ' || max_attempts, '') as "Attempt",
  exit_code as "Exit status",
  status_message as "About"
from joblog.job_history
where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run')
