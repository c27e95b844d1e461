-- Attempts that are followed by another one, if they are not yet; returns these. Those of them that failed are retried.
update joblog.job_run as run set
  next_trace_id = link.next_trace_id, next_span_id = link.next_span_id,
  first_trace_id = coalesce(run.first_trace_id, run.trace_id), first_span_id = coalesce(run.first_span_id, run.span_id)
from unnest(%(traces)s::uuid[], %(spans)s::bigint[], %(next_traces)s::uuid[], %(next_spans)s::bigint[])
  as link (trace_id, span_id, next_trace_id, next_span_id)
where run.trace_id = link.trace_id and run.span_id = link.span_id and run.next_trace_id is null
returning
  run.name, run.service, run.type, run.trigger, run.started_at, run.ended_at, run.status, run.error_group;
