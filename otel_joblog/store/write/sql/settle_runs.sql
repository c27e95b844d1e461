-- Open runs that gave no sign of life for so long are lost, with their open steps; returns these runs, for the statistics.
--
-- 1. "silent" locks them in the order of their key, as every writer does, so that none is settled twice, and none that
--    was heard or ended meanwhile. Nobody can be heard while the server is down: so the server's own start counts as a
--    sign of life of everybody. A run of which nothing came at all is only announced,
--    or waits in a queue.
-- 2. "closed" ends each at its last sign of life. A real end that arrives late wins over that (joblog.finality).
-- 3. Their steps go by upsert, as in known_steps.sql: it finds each row by its key.
with silent as (
  select run.trace_id, run.span_id, greatest(run.started_at, run.last_at, run.progress_at, live.beat_at) as seen_at
  from joblog.job_run as run
  left join joblog.job_live as live on live.process_id = run.process_id
  where run.status <= 1 and run.started_at < now() - make_interval(secs => %(lost_after)s)
    and (run.status = 1 or run.last_at is not null or run.progress_at is not null)
    and greatest(run.started_at, run.last_at, run.progress_at, live.beat_at, pg_postmaster_start_time())
      < now() - make_interval(secs => %(lost_after)s)
  order by run.trace_id, run.span_id
  for update of run
),
closed as (
  update joblog.job_run as run set
    status = 7,
    ended_at = silent.seen_at,
    status_message = format(%(message)s, to_char(silent.seen_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')),
    error_group = %(error_group)s
  from silent
  where run.trace_id = silent.trace_id and run.span_id = silent.span_id
  returning
    run.trace_id, run.span_id, run.first_at, run.last_at, run.started_at, run.ended_at, run.status, run.status_message,
    run.name, run.service, run.type, run.trigger, run.next_trace_id
),
closed_steps as (
  insert into joblog.job_step as stored (
    started_at, ended_at, trace_id, span_id, run_span_id, seq, status, kind, otel_kind, name, status_message, scope)
  select
    step.started_at, greatest(step.started_at, closed.ended_at), step.trace_id, step.span_id, step.run_span_id, step.seq,
    7, step.kind, step.otel_kind, step.name, closed.status_message, step.scope
  from closed
  cross join lateral (
    select * from joblog.job_step
    where trace_id = closed.trace_id and started_at between closed.first_at and closed.last_at
      and run_span_id = closed.span_id and status <= 1
    offset 0
  ) as step
  order by step.trace_id, step.started_at, step.span_id
  on conflict (trace_id, started_at, span_id) do update set
    (ended_at, status, status_message) = row(excluded.ended_at, excluded.status, excluded.status_message)
  where joblog.finality(excluded.status) > joblog.finality(stored.status)
)
select trace_id, span_id, name, service, type, trigger, started_at, ended_at, status, status_message, next_trace_id from closed;
