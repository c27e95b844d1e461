-- How many child runs a run has, counted up to a limit.
select count(*)
from (
  select from joblog.job_run
  where trace_id = %(trace_id)s and parent_run_span_id = %(span_id)s
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  limit %(limit)s
) as bounded;
