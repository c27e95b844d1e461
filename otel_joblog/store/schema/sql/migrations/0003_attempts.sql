-- Attempts of one execution, linked; failed ones that are followed by another count as retried. The bytes of lines; what
-- a run usually takes.
alter table joblog.job_run
  add column previous_trace_id uuid, add column previous_span_id bigint, add column next_trace_id uuid,
  add column next_span_id bigint, add column first_trace_id uuid, add column first_span_id bigint, add column bytes bigint;
alter table joblog.job_run alter column bytes set default 0;
alter table joblog.job_day
  add column retried int not null default 0, add column timed int not null default 0;
alter table joblog.job_hour
  add column retried int not null default 0;

create index job_run_previous on joblog.job_run (previous_trace_id, previous_span_id) where previous_trace_id is not null;
create index job_run_attempt on joblog.job_run (name, reference, started_at) where attempt > 1 and reference is not null;
create index job_run_execution on joblog.job_run (first_trace_id, first_span_id) where first_trace_id is not null;

update joblog.job_day set timed = successes + errors + timeouts;

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
  run.bytes
from joblog.job_run as run
where run.name <> '';

create view joblog.job_attempts as
select
  joblog.run_id(run.first_trace_id, run.first_span_id) as execution_id,
  joblog.run_id(run.trace_id, run.span_id) as run_id,
  run.name as job,
  run.service,
  run.reference,
  run.attempt,
  run.max_attempts,
  joblog.status_name(run.status) as status,
  run.status >= 5 and run.next_trace_id is null as failed,
  run.status >= 5 and run.next_trace_id is not null as retried,
  run.started_at,
  run.ended_at,
  extract(epoch from run.ended_at - run.started_at)::double precision as duration_s,
  run.status_message,
  run.error_type,
  run.error_message,
  run.first_trace_id as execution_trace_key,
  run.first_span_id as execution_run_key
from joblog.job_run as run
where run.first_trace_id is not null and run.name <> '';

-- How long a run may go on before that is remarked on, in seconds: what it was declared to take at most, or else twice what
-- nearly all (95 %) of at least five successes took, and half a minute more than that. Null where neither is known.
create function joblog.time_limit_s(expected_s double precision, successes bigint, p95_s double precision)
  returns double precision
  language sql immutable parallel safe
  return coalesce(expected_s, case when successes >= 5 then greatest(2 * p95_s, p95_s + 30) end);

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
  greatest(run.started_at, run.last_at, run.progress_at) as last_heard_at
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

create or replace view joblog.job_daily as
select
  day,
  name as job,
  service,
  type,
  successes + skipped + cancelled + errors + timeouts + lost + retried as runs,
  errors + timeouts + lost as failures,
  successes,
  skipped,
  cancelled,
  errors,
  timeouts,
  lost,
  duration_ms / 1000.0::double precision / nullif(timed, 0) as average_s,
  longest_ms / 1000.0::double precision as longest_s,
  cpu_ms / 1000.0::double precision / nullif(cpu_runs, 0) as average_cpu_s,
  memory_peak as memory_peak_bytes,
  retried
from joblog.job_day;

create or replace view joblog.job_hourly as
select
  hour,
  name as job,
  service,
  type,
  trigger,
  successes + skipped + cancelled + errors + timeouts + lost + retried as runs,
  errors + timeouts + lost as failures,
  successes,
  skipped,
  cancelled,
  errors,
  timeouts,
  lost,
  retried
from joblog.job_hour;

create or replace view joblog.job_health as
select
  job.name as job,
  job.service,
  latest.type,
  latest.trigger,
  coalesce(latest.schedule, due.schedule) as schedule,
  latest.owner,
  joblog.run_id(latest.trace_id, latest.span_id) as last_run_id,
  joblog.status_name(latest.status) as last_status,
  job.last_run_at,
  job.last_success_at,
  extract(epoch from now() - job.last_success_at)::double precision as success_age_s,
  streak.failures as failures_in_a_row,
  job.runs,
  job.failures,
  job.duration_ms / 1000.0::double precision / nullif(job.timed, 0) as average_s,
  week.runs as runs_7d,
  week.failures as failures_7d,
  (1 - week.failures::double precision / nullif(week.counted, 0)) as success_rate_7d,
  due.problem as schedule_problem,
  due.next_due_at,
  due.last_due_at,
  due.last_due_verdict,
  due.due_pause_s,
  due.missed_7d,
  due.open_since,
  week.retried as retried_7d
from joblog.job
left join joblog.job_schedules as due on due.job = job.name and due.service = job.service
left join lateral (
  select trace_id, span_id, status, type, trigger, schedule, owner
  from joblog.job_run
  where job_run.name = job.name and job_run.service = job.service and job_run.started_at <= job.last_run_at
  order by job_run.started_at desc, trace_id desc, span_id desc
  limit 1
) as latest on true
cross join lateral (
  select count(*) as failures
  from (
    select from joblog.job_run
    where job_run.name = job.name and job_run.service = job.service and job_run.status >= 5
      and job_run.next_trace_id is null and job_run.started_at > coalesce(job.last_success_at, '-infinity')
    limit 100
  ) as since
) as streak
cross join lateral (
  select
    coalesce(sum(successes + skipped + cancelled + errors + timeouts + lost + retried), 0)::bigint as runs,
    coalesce(sum(successes + errors + timeouts + lost), 0)::bigint as counted,
    coalesce(sum(errors + timeouts + lost), 0)::bigint as failures,
    coalesce(sum(retried), 0)::bigint as retried
  from joblog.job_day
  where job_day.name = job.name and job_day.service = job.service
    and job_day.day > (now() at time zone 'UTC')::date - 7
) as week;

-- Another column in what they return makes them other functions.
drop function joblog.job_counts(timestamptz, timestamptz);

create function joblog.job_counts(since timestamptz, until timestamptz)
  returns table (
    at timestamptz, job text, service text, type text, trigger text,
    successes int, skipped int, cancelled int, errors int, timeouts int, lost int, retried int)
  language sql stable parallel safe
begin atomic
  select hour, job, service, type, trigger, successes, skipped, cancelled, errors, timeouts, lost, retried
  from joblog.job_hourly
  where hour between since and until and until - since > interval '4 days'
  union all
  select
    started_at, job, service, type, trigger, (status = 'success')::int, (status = 'skipped')::int,
    (status = 'cancelled')::int, (status = 'error' and failed)::int, (status = 'timeout' and failed)::int,
    (status = 'lost' and failed)::int, retried::int
  from joblog.job_history
  where started_at between since and until and not open and until - since <= interval '4 days';
end;

drop function joblog.adopt(uuid, timestamptz, timestamptz);

create function joblog.adopt(trace uuid, since timestamptz, until timestamptz)
  returns table (
    run_span_id bigint, first_at timestamptz, last_at timestamptz, lines bigint, warnings bigint, errors bigint,
    elsewhere bigint, after_end bigint, after_end_emitted bigint, steps bigint, bytes bigint)
  language sql security definer set search_path = pg_catalog, pg_temp
as $$
with recursive spans as materialized (
  select span_id, parent_span_id, run_span_id
  from joblog.job_step
  where trace_id = adopt.trace and started_at between adopt.since and adopt.until
),
found as (
  (
    select span_id, span_id as run_span_id from joblog.job_run where trace_id = adopt.trace
    union
    select span_id, run_span_id from spans where run_span_id <> 0
  )
  union
  select spans.span_id, found.run_span_id
  from found
  join spans on spans.parent_span_id = found.span_id and spans.run_span_id = 0
),
known as materialized (
  select span_id, min(run_span_id) as run_span_id from found group by span_id
),
selves as (
  delete from joblog.job_step as step
  using joblog.job_run as run
  where step.trace_id = adopt.trace and step.started_at between adopt.since and adopt.until and step.run_span_id = 0
    and run.trace_id = adopt.trace and run.span_id = step.span_id
),
steps as (
  update joblog.job_step as step set run_span_id = known.run_span_id
  from known
  where step.trace_id = adopt.trace and step.started_at between adopt.since and adopt.until
    and step.run_span_id = 0 and step.span_id = known.span_id
    and not exists (select from joblog.job_run where trace_id = adopt.trace and span_id = step.span_id)
  returning step.run_span_id, step.started_at as at, step.kind
),
gone as (
  delete from joblog.job_log as line
  using known
  where line.trace_id = adopt.trace and line.run_span_id = 0 and line.ts between adopt.since and adopt.until
    and line.span_id = known.span_id
  returning
    line.ts, line.trace_id, known.run_span_id, line.span_id, line.seq, line.severity, line.stream, line.logger,
    line.message, line.attributes
),
lines as (
  insert into joblog.job_log
  select * from gone
  order by trace_id, run_span_id, ts, seq
  on conflict do nothing
  returning run_span_id, ts as at, severity, seq, octet_length(message) as bytes
),
runs as (
  update joblog.job_run as run set parent_run_span_id = known.run_span_id
  from known
  where run.trace_id = adopt.trace and run.parent_run_span_id is null
    and run.parent_span_id = known.span_id and run.span_id <> known.run_span_id
)
select
  run_span_id, min(at) as first_at, max(at) as last_at,
  count(*) filter (where severity is not null) as lines,
  count(*) filter (where severity between 13 and 16) as warnings,
  count(*) filter (where severity >= 17) as errors,
  count(*) filter (where seq >= 8589934592) as elsewhere,  -- records.ELSEWHERE, and AFTER_END
  count(*) filter (where seq >= 4294967296 and seq < 8589934592) as after_end,
  coalesce(max(seq) filter (where seq >= 4294967296 and seq < 8589934592) - 4294967295, 0) as after_end_emitted,
  count(*) filter (where kind = 0) as steps,
  coalesce(sum(bytes), 0)::bigint as bytes
from (
  select run_span_id, at, kind, null::smallint as severity, null::bigint as seq, null::int as bytes from steps
  union all
  select run_span_id, at, null, severity, seq, bytes from lines
) as gained
group by run_span_id
$$;

revoke execute on function joblog.adopt(uuid, timestamptz, timestamptz) from public;

comment on function joblog.job_counts is
  'How many runs ended how, by job: one row a run up to four days, one an hour beyond, for both are quick. Sum them.';
comment on column joblog.job_history.failed is 'error, timeout or lost, and not followed by another attempt';
comment on column joblog.job_history.retried is 'error, timeout or lost, and followed by another attempt';
comment on column joblog.job_history.previous_run_id is 'the attempt before; null where none is known';
comment on column joblog.job_history.next_run_id is 'the attempt after; null where none is known';
comment on column joblog.job_history.bytes is 'of the messages of these lines, in UTF-8; null where an older version stored some';
comment on view joblog.job_attempts is
  'Attempts of executions of which more than one is known. execution_trace_key with execution_run_key has an index.';
comment on column joblog.job_attempts.execution_id is 'the same for all attempts of an execution: the run of the first one';
comment on column joblog.active_jobs.usual_runs is 'successes among the 50 runs of the job before this one: what is usual is theirs';
comment on column joblog.active_jobs.time_limit_s is
  'seconds after which a run is overlong: what was declared, or else twice the usual p95, at least 30 more, of five successes or more';
comment on column joblog.active_jobs.overlong is 'it goes on for longer than time_limit_s';
comment on column joblog.active_jobs.last_heard_at is 'latest line, step, progress or start; heartbeats are none';
comment on view joblog.job_errors is
  'Failed runs by UTC day, job and kind of error, without retried ones; the kind leaves out numbers and ids in messages. Bound day.';
comment on column joblog.job_daily.failures is 'errors, timeouts and lost runs; none of these is followed by another attempt';
comment on column joblog.job_daily.retried is 'errors, timeouts and lost runs that were followed by another attempt';
comment on column joblog.job_daily.average_s is 'seconds, of successes, errors and timeouts, retried ones among them';
comment on column joblog.job_health.failures_in_a_row is 'failed runs since the last success, without retried ones; 100 means 100 or more';
