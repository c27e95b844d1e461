select
  error_type as "Type",
  error_message as "Message",
  error_stacktrace as "Traceback"
from joblog.job_history
where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run')
  and coalesce(error_type, error_message, error_stacktrace) is not null
