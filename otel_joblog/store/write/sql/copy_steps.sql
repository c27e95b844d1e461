-- Steps and spans, all of them new. The columns are those of store/write/copy.py.
copy joblog.job_step (
  started_at, trace_id, span_id, run_span_id, seq, status, kind, otel_kind, ended_at, parent_span_id, process_id, name,
  stage, task_id, status_message, scope, error_type, error_message, error_stacktrace, attributes, events, links)
from stdin (format binary);
