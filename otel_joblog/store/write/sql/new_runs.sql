-- Starts and ends of runs that are not known yet, with what they gain by the batch; returns those inserted. What others
-- gain is for touched_runs.sql. Ordered by key, so that writers do not lock crosswise.
insert into joblog.job_run (
  trace_id, span_id, parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, error_group, resource, attributes, events, links,
  max_attempts, returned, result, previous_trace_id, previous_span_id, first_at, last_at, lines, bytes, warnings, errors,
  lines_elsewhere, lines_after_end, lines_after_end_emitted, steps,
  progress_at, progress_current, progress_total, progress_unit, progress_since, progress_base, queued_at)
select
  trace_id, span_id, parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, error_group, resource, attributes, events, links,
  max_attempts, returned, result, previous_trace_id, previous_span_id, first_at, last_at, coalesce(lines, 0),
  coalesce(bytes, 0), coalesce(warnings, 0), coalesce(errors, 0), coalesce(lines_elsewhere, 0),
  coalesce(lines_after_end, 0), coalesce(lines_after_end_emitted, 0), coalesce(steps, 0),
  progress_at, progress_current, progress_total, progress_unit, progress_since, progress_base, queued_at
from jsonb_populate_recordset(null::joblog.job_run, %(rows)s::jsonb)
order by trace_id, span_id
on conflict do nothing
returning trace_id, span_id;
