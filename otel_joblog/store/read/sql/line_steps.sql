-- The spans of a run that its lines belong to, or that are around these.
select trace_id, span_id, parent_span_id, kind, name, stage, task_id
from joblog.job_step
where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and span_id = any(%(steps)s);
