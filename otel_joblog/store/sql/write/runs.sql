-- Starts and ends of runs: a row gives way only to a more final state, so any order and any repetition end the same.
-- The counters and the progress belong to touched_runs.sql. Ordered by key, so that writers do not lock crosswise. A run
-- that was given up (settle_runs.sql) when only lines of it were known, and has no name, takes its start all the same.
insert into joblog.job_run as stored (
  trace_id, span_id, parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, resource, attributes, events, links)
select
  trace_id, span_id, parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, resource, attributes, events, links
from jsonb_populate_recordset(null::joblog.job_run, %(rows)s::jsonb)
order by trace_id, span_id
on conflict (trace_id, span_id) do update set (
  parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted,
  expected_s, pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner,
  schedule, error_type, error_message, error_stacktrace, resource, attributes, events, links
) = row(
  excluded.parent_span_id, excluded.parent_run_span_id, excluded.process_id, excluded.started_at, excluded.ended_at,
  excluded.lines_emitted, excluded.steps_emitted, excluded.expected_s, excluded.pid, excluded.exit_code,
  excluded.status, excluded.attempt, excluded.name, excluded.type, excluded.trigger, excluded.service, excluded.host,
  excluded.status_message, excluded.reference, excluded.owner, excluded.schedule, excluded.error_type,
  excluded.error_message, excluded.error_stacktrace, excluded.resource, excluded.attributes, excluded.events,
  excluded.links)
where joblog.finality(excluded.status) > joblog.finality(stored.status) or stored.status = 7 and stored.name = '';
