-- After adopt.sql: what waits on in a trace, if anything does.
with left_over as (
  select min(at) as first_at, max(at) as last_at
  from (
    select started_at as at from joblog.job_step
    where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = 0
    union all
    select ts from joblog.job_log
    where trace_id = %(trace_id)s and run_span_id = 0 and ts between %(first_at)s and %(last_at)s
    union all
    select started_at from joblog.job_run
    where trace_id = %(trace_id)s and parent_span_id is not null and parent_run_span_id is null
  ) as parts
),
done as (
  delete from joblog.job_waiting
  where trace_id = %(trace_id)s and (select first_at is null from left_over)
)
update joblog.job_waiting as waiting set first_at = left_over.first_at, last_at = left_over.last_at
from left_over
where waiting.trace_id = %(trace_id)s and left_over.first_at is not null
  and (waiting.first_at, waiting.last_at) <> (left_over.first_at, left_over.last_at);
