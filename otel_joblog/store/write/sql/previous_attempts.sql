-- Attempts that come after another one.
update joblog.job_run as run set previous_trace_id = link.trace_id, previous_span_id = link.span_id
from unnest(%(traces)s::uuid[], %(spans)s::bigint[], %(next_traces)s::uuid[], %(next_spans)s::bigint[])
  as link (trace_id, span_id, next_trace_id, next_span_id)
where run.trace_id = link.next_trace_id and run.span_id = link.next_span_id
  and (run.previous_trace_id, run.previous_span_id) is distinct from (link.trace_id, link.span_id);
