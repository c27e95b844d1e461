-- A step for each of a day's runs.
insert into joblog.job_step (
  started_at, ended_at, trace_id, span_id, parent_span_id, run_span_id, seq, status, kind, otel_kind, name,
  status_message, scope)
select started_at, ended_at, trace_id, -span_id, span_id, span_id, 1, status, 0, 0, 'load', '', ''
from joblog.job_run where started_at >= %(day)s and started_at < %(day)s + interval '1 day';
