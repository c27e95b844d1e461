-- Attempts take over which one was the first from the one before them; returns what follows those that did not know.
update joblog.job_run as run set
  first_trace_id = coalesce(previous.first_trace_id, previous.trace_id),
  first_span_id = coalesce(previous.first_span_id, previous.span_id)
from unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as key (trace_id, span_id), joblog.job_run as previous
where run.trace_id = key.trace_id and run.span_id = key.span_id
  and previous.trace_id = run.previous_trace_id and previous.span_id = run.previous_span_id
  and (run.first_trace_id, run.first_span_id) is distinct from
    (coalesce(previous.first_trace_id, previous.trace_id), coalesce(previous.first_span_id, previous.span_id))
returning run.next_trace_id, run.next_span_id;
