-- Starts and ends of runs that are not known yet; returns those inserted. The counters and the progress belong to
-- touched_runs.sql. Ordered by key, so that writers do not lock crosswise.
insert into joblog.job_run (
  trace_id, span_id, parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, error_group, resource, attributes, events, links,
  max_attempts, returned, result)
select
  trace_id, span_id, parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, error_group, resource, attributes, events, links,
  max_attempts, returned, result
from jsonb_populate_recordset(null::joblog.job_run, %(rows)s::jsonb)
order by trace_id, span_id
on conflict do nothing
returning trace_id, span_id;
