-- Each step from its start, as the code of its status, to its end, as -1; the first 200.
with step as (
  select
    lpad(seq::text, 3, '0') || ' ' || step as metric,
    status,
    started_at,
    ended_at
  from joblog.job_steps
  where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run') and started_at >= (
    select started_at - interval '1 minute' from joblog.job_history
    where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run'))
  order by seq
  limit 200
)
select
  started_at as "time",
  metric,
  array_position(
    array['pending', 'running', 'success', 'skipped', 'cancelled', 'error', 'timeout', 'lost'], status) - 1 as value
from step
union all
select greatest(ended_at, started_at + interval '1 millisecond'), metric, -1 from step where ended_at is not null
order by 1, 2
