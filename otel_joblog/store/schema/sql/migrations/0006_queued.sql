-- When a run was put into a queue. A run that waits is no run that came, and none that goes on.
alter table joblog.job_run add column queued_at timestamptz;

create or replace view joblog.job_history as
select
  joblog.run_id(run.trace_id, run.span_id) as run_id,
  run.name as job,
  run.service,
  joblog.status_name(run.status) as status,
  run.status >= 5 and run.next_trace_id is null as failed,
  run.status <= 1 as open,
  run.started_at,
  run.ended_at,
  extract(epoch from run.ended_at - run.started_at)::double precision as duration_s,
  run.type,
  run.trigger,
  run.schedule,
  run.reference,
  run.owner,
  run.attempt,
  run.host,
  run.pid,
  run.exit_code,
  run.status_message,
  run.error_type,
  run.error_message,
  run.error_stacktrace,
  run.error_group,
  run.steps,
  run.lines,
  run.warnings,
  run.errors,
  run.lines_emitted + run.lines_after_end_emitted as lines_emitted,
  run.lines_after_end,
  joblog.run_id(run.trace_id, run.parent_run_span_id) as parent_run_id,
  replace(run.trace_id::text, '-', '') as trace_id,
  run.trace_id as trace_key,
  run.span_id as run_key,
  run.attributes,
  run.max_attempts,
  run.status >= 5 and run.next_trace_id is not null as retried,
  case when (run.first_trace_id, run.first_span_id) <> (run.trace_id, run.span_id)
    then joblog.run_id(run.previous_trace_id, run.previous_span_id)
  end as previous_run_id,
  joblog.run_id(run.next_trace_id, run.next_span_id) as next_run_id,
  run.bytes,
  run.queued_at,
  case when run.status > 0 then greatest(0, extract(epoch from run.started_at - run.queued_at))::double precision end
    as queue_delay_s,
  run.attributes ->> 'joblog.producer.trace_id' as producer_trace_id
from joblog.job_run as run
where run.name <> '';

create or replace view joblog.active_jobs as
select
  joblog.run_id(run.trace_id, run.span_id) as run_id,
  run.name as job,
  run.service,
  joblog.status_name(run.status) as status,
  run.started_at,
  extract(epoch from now() - run.started_at)::double precision as elapsed_s,
  run.expected_s,
  live.beat_at as last_beat_at,
  greatest(run.started_at, run.last_at, run.progress_at, live.beat_at) as last_seen_at,
  run.status = 1 and live.beat_at is not null
    and greatest(run.started_at, run.last_at, run.progress_at, live.beat_at) <= now() - interval '30 seconds'
    as unresponsive,
  run.type,
  run.trigger,
  run.schedule,
  run.reference,
  run.owner,
  run.attempt,
  run.host,
  run.pid,
  run.steps,
  run.lines,
  run.warnings,
  run.errors,
  replace(run.trace_id::text, '-', '') as trace_id,
  run.max_attempts,
  case when (run.first_trace_id, run.first_span_id) <> (run.trace_id, run.span_id)
    then joblog.run_id(run.previous_trace_id, run.previous_span_id)
  end as previous_run_id,
  run.bytes,
  usual.successes as usual_runs,
  usual.p50_s as usual_p50_s,
  usual.p95_s as usual_p95_s,
  joblog.time_limit_s(run.expected_s, usual.successes, usual.p95_s) as time_limit_s,
  coalesce(run.status = 1 and extract(epoch from now() - run.started_at)
    > joblog.time_limit_s(run.expected_s, usual.successes, usual.p95_s), false) as overlong,
  greatest(run.started_at, run.last_at, run.progress_at) as last_heard_at,
  run.queued_at
from joblog.job_run as run
left join joblog.job_live as live on live.process_id = run.process_id
left join lateral (
  select
    count(*) as successes, percentile_cont(0.5) within group (order by seconds) as p50_s,
    percentile_cont(0.95) within group (order by seconds) as p95_s
  from (
    select extract(epoch from ended_at - started_at)::double precision as seconds, status
    from joblog.job_run as before
    where before.name = run.name and before.service = run.service and before.started_at < run.started_at
      and run.status = 1
    order by before.started_at desc
    limit 50
  ) as latest
  where status = 2
) as usual on true
where run.status <= 1 and run.name <> '';

create or replace view joblog.job_punctuality as
select
  expected.name as job,
  expected.service,
  expected.schedule,
  expected.due_at,
  expected.next_due_at,
  extract(epoch from expected.late_at - expected.due_at)::double precision as grace_s,
  joblog.run_id(came.trace_id, came.span_id) as run_id,
  came.started_at,
  extract(epoch from came.started_at - expected.due_at)::double precision as delay_s,
  case
    when came.started_at <= expected.late_at then 'on time'
    when came.started_at is not null then 'started late'
    when now() < expected.due_at then 'upcoming'
    when now() < expected.judged_at then 'due'
    when now() < least(expected.next_due_at, expected.due_at + 4 * (expected.late_at - expected.due_at))
      + (expected.judged_at - expected.late_at) then 'late'
    else 'missed'
  end as verdict,
  expected.started_at is null or expected.started_at > expected.late_at as open
from joblog.job_expected as expected
left join lateral (
  select trace_id, span_id, started_at
  from joblog.job_run
  where job_run.name = expected.name and job_run.service = expected.service and job_run.status > 0
    and job_run.started_at >= expected.due_at - interval '5 seconds'
    and job_run.started_at < expected.next_due_at - interval '5 seconds'
    and (expected.started_at is null or expected.started_at > expected.late_at)
    and (expected.looked_at is null
      or expected.looked_at < expected.next_due_at + (expected.judged_at - expected.late_at))
  order by job_run.started_at
  limit 1
) as found on true
cross join lateral (
  values (
    coalesce(found.trace_id, expected.trace_id), coalesce(found.span_id, expected.span_id),
    coalesce(found.started_at, expected.started_at))
) as came (trace_id, span_id, started_at);

create or replace view joblog.job_schedules as
select
  known.name as job,
  known.service,
  known.schedule,
  known.timezone,
  known.since,
  known.problem,
  coming.due_at as next_due_at,
  judged.due_at as last_due_at,
  judged.verdict as last_due_verdict,
  extract(epoch from judged.next_due_at - judged.due_at)::double precision as due_pause_s,
  (
    select count(*)
    from joblog.job_punctuality
    where job_punctuality.job = known.name and job_punctuality.service = known.service and open
      and job_punctuality.due_at between now() - interval '7 days' and now() and verdict = 'missed'
  ) as missed_7d,
  case when judged.verdict in ('late', 'missed') then (
    select max(started_at)
    from (
      select started_at from joblog.job_run
      where job_run.name = known.name and job_run.service = known.service and job_run.status = 1
      offset 0  -- or the latest would be looked for among all runs of the job
    ) as going_on
  ) end as open_since
from joblog.job_schedule as known
left join lateral (
  select due_at
  from joblog.job_expected
  where job_expected.name = known.name and job_expected.service = known.service and job_expected.due_at > now()
  order by due_at
  limit 1
) as coming on true
left join lateral (
  select due_at, next_due_at, verdict
  from joblog.job_punctuality
  where job_punctuality.job = known.name and job_punctuality.service = known.service
    and job_punctuality.due_at <= now() and verdict <> 'due'
  order by due_at desc
  limit 1
) as judged on true;

comment on column joblog.job_history.started_at is 'of a pending run: when it was put into the queue';
comment on column joblog.job_history.queued_at is 'when it was put into a queue; null where none is known of';
comment on column joblog.job_history.queue_delay_s is 'seconds from queued_at to the start; null while it is pending';
comment on column joblog.job_history.producer_trace_id is 'the trace in which it was put into the queue';
comment on column joblog.active_jobs.queued_at is 'when it was put into a queue; a pending run waits since then';
