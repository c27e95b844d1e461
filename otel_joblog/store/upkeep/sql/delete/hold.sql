-- Runs that are to be deleted, held until then. "high" and "low" bound what belongs to each.
select
  trace_id, span_id, name, service, type, trigger, status, started_at, ended_at, error_type, error_message, status_message,
  attributes, error_group, lines, steps, next_trace_id,
  least(started_at, first_at) - interval '1 day' as low,
  greatest(started_at, ended_at, last_at, progress_at) + interval '1 day' as high
from joblog.job_run
join unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as wanted (trace_id, span_id) using (trace_id, span_id)
order by trace_id, span_id
for update of job_run;
