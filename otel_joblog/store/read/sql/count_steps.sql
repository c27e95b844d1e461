-- How many steps and other spans a run has, counted up to a limit.
select count(*)
from (
  select from joblog.job_step
  where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = %(span_id)s
  limit %(limit)s
) as bounded;
