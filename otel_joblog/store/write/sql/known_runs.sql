-- Starts and ends of runs that were there before this batch: a row gives way only to a more final state, so any order and
-- any repetition end the same. One that goes on is its process's, one that was lost its job's: an end by anybody else is
-- none of it, though it has its ids. A run that was given up (settle_runs.sql) when only lines of it were known, and has no
-- name, takes its start all the same. One that waits in a queue is nobody's: any process may start it. That it
-- waited changes nothing of a run that is known by more than lines. Returns those that changed, as they were before: locked first, so that nobody changes
-- them in between.
with before as (
  select
    run.trace_id, run.span_id, run.status, run.name, run.service, run.type, run.trigger, run.started_at, run.error_group,
    run.process_id, run.next_trace_id
  from joblog.job_run as run
  join jsonb_populate_recordset(null::joblog.job_run, %(rows)s::jsonb) as given using (trace_id, span_id)
  order by run.trace_id, run.span_id
  for update of run
),
changed as (
  update joblog.job_run as run set (
    parent_span_id, parent_run_span_id, process_id, started_at, ended_at, lines_emitted, steps_emitted, expected_s,
    pid, exit_code, status, attempt, name, type, trigger, service, host, status_message, reference, owner, schedule,
    error_type, error_message, error_stacktrace, error_group, resource, attributes, events, links,
    max_attempts, returned, result, previous_trace_id, previous_span_id, queued_at
  ) = row(
    given.parent_span_id, coalesce(given.parent_run_span_id, run.parent_run_span_id), given.process_id, given.started_at, given.ended_at,
    given.lines_emitted, given.steps_emitted, given.expected_s, given.pid, given.exit_code, given.status,
    given.attempt, given.name, given.type, given.trigger, given.service, given.host, given.status_message,
    given.reference, given.owner, given.schedule, given.error_type, given.error_message, given.error_stacktrace,
    given.error_group, given.resource, given.attributes, given.events, given.links,
    given.max_attempts, given.returned, given.result, coalesce(given.previous_trace_id, run.previous_trace_id),
    coalesce(given.previous_span_id, run.previous_span_id), given.queued_at)
  from before
  join jsonb_populate_recordset(null::joblog.job_run, %(rows)s::jsonb) as given using (trace_id, span_id)
  where run.trace_id = before.trace_id and run.span_id = before.span_id
    and (joblog.finality(given.status) > joblog.finality(before.status)
      or before.name = '' and (before.status = 7 and given.status > 0 or before.status = 0))
    and (before.status = 0 or before.process_id is null or given.process_id = before.process_id
      or before.status = 7 and (given.name, given.service) = (before.name, before.service))
  returning run.trace_id, run.span_id
)
select before.* from before join changed using (trace_id, span_id);
