-- The last thousand lines.
select
  at as "time",
  left(message, 8192) as message,
  lower(level) as level,
  stream,
  logger,
  span_id
from joblog.job_lines
where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run')
  and at >= (
    select started_at - interval '1 minute' from joblog.job_history
    where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run'))
order by at desc, seq desc
limit 1000
