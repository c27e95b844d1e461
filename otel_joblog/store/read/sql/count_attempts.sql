-- How many attempts an execution has, counted up to a limit.
select count(*)
from (
  select 1 from joblog.job_run
  where first_trace_id = %(first_trace)s and first_span_id = %(first_span)s
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  limit %(limit)s
) as bounded;
