select
  seq as "No.",
  step as "Step",
  stage as "Stage",
  task_id as "Task",
  status as "Status",
  started_at as "Started",
  duration_s as "Took",
  left(coalesce(error_message, status_message), 500) as "About"
from joblog.job_steps
where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run') and started_at >= (
  select started_at - interval '1 minute' from joblog.job_history
  where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run'))
order by seq
limit 1000
