-- As line_steps.sql, of many runs.
select trace_id, span_id, parent_span_id, kind, name, stage, task_id
from joblog.job_step
join unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as wanted (trace_id, span_id) using (trace_id, span_id)
where started_at between %(first_at)s and %(last_at)s;
