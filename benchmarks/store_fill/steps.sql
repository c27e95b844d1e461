-- A step for each run that began in a part of the time.
insert into joblog.job_step (
  started_at, ended_at, trace_id, span_id, parent_span_id, run_span_id, seq, status, kind, otel_kind, name, stage,
  status_message, scope, error_type, error_message)
select
  started_at, ended_at, trace_id, -span_id, span_id, span_id, 1, status, 0, 0, 'step ' || span_id %% 7, 'load',
  status_message, '', error_type, error_message
from joblog.job_run where started_at >= %(since)s and started_at < %(until)s;
