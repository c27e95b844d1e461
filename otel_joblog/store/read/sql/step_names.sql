-- The names of some steps of a run.
select span_id, name
from joblog.job_step
where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and span_id = any(%(steps)s);
