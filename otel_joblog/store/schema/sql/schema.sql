-- The whole schema as of now: what a new database is given. An older one comes here by the numbered files of
-- migrations/, and a test proves that both ways lead to the same tables.
--
-- PostgreSQL 15 and later, no extensions. Every unique key begins with trace_id and nothing refers to anything: rows may
-- arrive in any order, twice, or without what they belong to.

do $$ begin
  if to_regnamespace('joblog') is null then  -- "if not exists" would ask for a right that an owner of the schema may lack
    create schema joblog;
  end if;
end $$;

create table joblog.schema_version (
  version    int primary key,
  name       text not null,
  applied_at timestamptz not null default now()
);

-- How final a state is: the higher one stays. Pending 0, running 1, lost 2 (a real end may still arrive), an end 3.
create function joblog.finality(status smallint) returns int
  language sql immutable parallel safe
  return case when status <= 1 then status when status = 7 then 2 else 3 end;

-- The words of a text: in lower case, what lies between letters and digits left out; of "TimeoutError" also its parts.
create function joblog.words(text text) returns setof text
  language sql immutable parallel safe
  begin atomic
    select distinct lower(word)
    from regexp_split_to_table(
      left(text, 1000) || ' ' || regexp_replace(left(text, 1000), '([[:lower:][:digit:]])([[:upper:]])', '\1 \2', 'g'),
      '[^[:alnum:]]+') as word
    where word <> '';
  end;

-- Words such as "host:web-1" as the labels of the runs of a day.
create function joblog.labels(day date, words text[]) returns bigint[]
  language sql immutable parallel safe
  begin atomic
    select array_agg(distinct hashtextextended(word collate "C", day - date '2000-01-01'))
    from unnest(words) as word
    where word is not null;
  end;

-- All that a run is found by, as labels: a number for each, which is a hash of the word and the day of the start (UTC). So
-- one index leads to the runs of a day that have all that is asked for, and lists come newest day first, whatever they ask
-- for and however common or rare that is. A hash may deceive: who asks compares the values. Of a duration it is the
-- octave in seconds. Where in the code a job is, what it used and the like is left out.
create function joblog.run_labels(
  started_at timestamptz, ended_at timestamptz, status smallint, attempt smallint, name text, type text, trigger text,
  service text, host text, reference text, status_message text, error_type text, error_message text, attributes jsonb)
  returns bigint[]
  language sql immutable parallel safe cost 1000
  begin atomic
    select joblog.labels(
      (started_at at time zone 'UTC')::date,
      array[
        'job:' || name, 'type:' || type, 'trigger:' || trigger, 'service:' || service, 'host:' || host,
        'ref:' || reference, case when status > 2 then 'status:' || status end, case when attempt > 1 then 'again' end,
        case
          when ended_at is null then 'took:open'
          else 'took:' || floor(ln(greatest(1, extract(epoch from ended_at - started_at)::double precision)) / ln(2::float8))
        end]
      || array(
        select 'attr.' || replace(key, 'joblog.argument.', '') || ':' || (item #>> '{}')
        from jsonb_each(case when jsonb_typeof(attributes) = 'object' then attributes else '{}' end),
          jsonb_path_query(value, 'lax $[*]') as item
        where key !~ '^(joblog|code|thread)[.]' or key like 'joblog.argument.%'
        limit 200)
      || array(
        select 'word:' || word
        from joblog.words(concat_ws(' ', name, reference, error_type, coalesce(error_message, status_message))) as word));
  end;

-- Whether an attribute, or an argument of that name, is like a value, or one of its values is.
create function joblog.has_attribute(attributes jsonb, name text, alike text) returns boolean
  language sql immutable parallel safe
  begin atomic
    select exists (
      select
      from (values (attributes -> name), (attributes -> ('joblog.argument.' || name))) as found (value),
        jsonb_path_query(found.value, 'lax $[*]') as item
      where item #>> '{}' like alike);
  end;

create table joblog.job_process (
  process_id uuid primary key,
  started_at timestamptz not null,
  pid        int not null,
  host       text not null,
  boot_id    text not null,
  service    text not null,
  resource   jsonb
);

-- One row a run; flat, because a lookup by trace_id alone over 90 partitions is ten times slower.
create table joblog.job_run (
  trace_id           uuid not null,
  span_id            bigint not null,
  parent_span_id     bigint,
  parent_run_span_id bigint,                      -- the enclosing run in the same trace
  process_id         uuid,
  started_at         timestamptz not null,
  ended_at           timestamptz,
  first_at           timestamptz,                 -- the earliest and the latest line or step start of the run:
  last_at            timestamptz,                 -- bounds for the partitions
  lines              bigint not null default 0,   -- rows of job_log, exactly
  warnings           bigint not null default 0,   -- of these with severity 13 to 16
  errors             bigint not null default 0,   -- and with 17 or more
  lines_elsewhere    bigint not null default 0,   -- and of other processes than the run's own, such as forked children
  lines_after_end    bigint not null default 0,   -- and of those emitted after the run's end
  lines_emitted      bigint,                      -- what the run's own process says it emitted; null until its end
  lines_after_end_emitted bigint not null default 0,  -- and how many after it, as far as their numbers tell
  progress_at        timestamptz,
  progress_current   double precision,
  progress_total     double precision,
  progress_since     timestamptz,                 -- when this count began, and from where: so there is a rate
  progress_base      double precision,
  expected_s         double precision,
  steps              int not null default 0,      -- rows of job_step with kind 0, exactly
  steps_emitted      int,
  pid                int,
  exit_code          int,
  status             smallint not null,           -- conventions.RunStatus.code: open <= 1, failed >= 5
  attempt            smallint not null default 1,
  max_attempts       smallint,
  name               text not null default '',    -- of the job; empty while only lines of the run are known
  type               text not null default '',
  trigger            text not null default '',
  service            text not null default '',
  host               text not null default '',
  status_message     text not null default '',
  reference          text,
  owner              text,
  schedule           text,
  progress_unit      text,
  returned           text,                        -- what its function returned, in short
  error_type         text,
  error_message      text,
  error_stacktrace   text,
  error_group        bigint,                      -- of a failed run: which failures are the same (store/errorgroups.py)
  result             jsonb,                       -- what it called its result, by name
  resource           jsonb,
  attributes         jsonb,
  events             jsonb,
  links              jsonb,
  previous_trace_id  uuid,                        -- the attempt before this one, as this one says; if it is none after
  previous_span_id   bigint,                      -- all, first_trace_id is not another's (store/write/attempts.py)
  next_trace_id      uuid,                        -- the attempt after this one: a failed run that has one is retried
  next_span_id       bigint,
  first_trace_id     uuid,                        -- the first known attempt of its execution, on each of them, where more
  first_span_id      bigint,                      -- than one is known
  bytes              bigint default 0,            -- of the messages of its lines in UTF-8; null where a version that did
                                                  -- not count them stored some
  queued_at          timestamptz,                 -- when it was put into a queue; a pending run has it as its start, too
  primary key (trace_id, span_id)
) with (fillfactor = 90);

-- Ascending, though lists read them backwards: inserts at the right edge are the cheap ones. Nothing that changes while a
-- run is open is indexed, so its updates stay in their page (HOT).
create index job_run_started on joblog.job_run (started_at, trace_id, span_id);
create index job_run_name on joblog.job_run (name, started_at);
create index job_run_job on joblog.job_run (name, service, started_at);  -- many services may call a job the same
create index job_run_type on joblog.job_run (type, started_at);
create index job_run_reference on joblog.job_run (reference, started_at) where reference is not null;
create index job_run_failed on joblog.job_run (started_at) where status >= 5;
create index job_run_failed_name on joblog.job_run (name, started_at) where status >= 5;
create index job_run_error on joblog.job_run (error_group, started_at) where error_group is not null;
-- Open runs, and besides those that took more than a day: see read/search_runs.sql.
create index job_run_open on joblog.job_run (started_at) where status <= 1 or ended_at - started_at > interval '1 day';
-- Attempts by the one before them, by their reference, and by their execution.
create index job_run_previous on joblog.job_run (previous_trace_id, previous_span_id) where previous_trace_id is not null;
create index job_run_attempt on joblog.job_run (name, reference, started_at) where attempt > 1 and reference is not null;
create index job_run_execution on joblog.job_run (first_trace_id, first_span_id) where first_trace_id is not null;
-- By any of its labels: some 15 a run, which take 40 to 90 bytes, and 0.2 ms of the writing of its start and end together.
create index job_run_labels on joblog.job_run using gin (joblog.run_labels(
  started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
  error_message, attributes))
  with (fastupdate = off);  -- what waits to be sorted in would be read whole for each day
-- A service has its own jobs: taken for independent, few runs would be expected of a job where there are thousands.
create statistics joblog.job_run_names (ndistinct, dependencies) on name, service from joblog.job_run;

-- When each process was heard last, by this server's clock. Logged, though that costs: a standby can show it, and knows
-- it when it takes over. Nothing but the key is indexed, so that a beat stays in its page (HOT).
create table joblog.job_live (
  process_id uuid primary key,
  beat_at    timestamptz not null
) with (fillfactor = 50);

-- Lines that were given up on their way here, and why.
create table joblog.job_gap (
  trace_id    uuid not null,
  run_span_id bigint not null,
  at_ns       bigint not null,                    -- nanoseconds since 1970: two gaps may share a microsecond
  lines       bigint not null,
  reason      text not null,
  primary key (trace_id, run_span_id, at_ns, reason)
);

-- Steps and other spans of the runs' traces, by day.
create table joblog.job_step (
  started_at       timestamptz not null,
  ended_at         timestamptz,
  trace_id         uuid not null,
  span_id          bigint not null,
  parent_span_id   bigint,
  run_span_id      bigint not null,               -- 0 while the run is not known: see job_waiting
  process_id       uuid,                          -- who told: spans of a run may come from other services
  seq              bigint not null,               -- place among the steps of its run, from 1; 0 for other spans
  status           smallint not null,
  kind             smallint not null,             -- 0 step, 1 other span
  otel_kind        smallint not null,
  name             text not null,
  stage            text,
  task_id          text,
  status_message   text not null,
  scope            text not null,
  error_type       text,
  error_message    text,
  error_stacktrace text,
  attributes       jsonb,
  events           jsonb,
  links            jsonb,
  primary key (trace_id, started_at, span_id)
) partition by range (started_at);

-- The steps of a task over all runs; so much of its id tells tasks apart, and an index takes no more than so much.
create index job_step_task on joblog.job_step ((left(task_id, 200) collate "C"), started_at) where task_id is not null;

create table joblog.job_step_default partition of joblog.job_step default;

-- Log lines and lines of output, whole, by day; fixed-width columns first. The one key is idempotence, page, tail and
-- pruning at once.
create table joblog.job_log (
  ts          timestamptz not null,
  trace_id    uuid not null,
  run_span_id bigint not null,
  span_id     bigint not null,                    -- the innermost step, or the run itself
  seq         bigint not null,
  severity    smallint not null,
  stream      smallint not null,                  -- conventions.Stream
  logger      text not null,
  message     text not null,
  attributes  jsonb,
  primary key (trace_id, run_span_id, ts, seq)
) partition by range (ts);

create index job_log_ts on joblog.job_log (ts);
create index job_log_errors on joblog.job_log (ts) where severity >= 17;
-- A run's few warnings and errors among its million lines.
create index job_log_problems on joblog.job_log (trace_id, run_span_id, ts, seq) where severity >= 13;

create table joblog.job_log_default partition of joblog.job_log default;

-- Traces in which something waits for its run to be known: steps and lines with run_span_id 0, and runs whose parent is
-- no run that is known. The spans above them will tell (write/adopt.sql).
create table joblog.job_waiting (
  trace_id uuid primary key,
  first_at timestamptz not null,                  -- bounds of what waits
  last_at  timestamptz not null
);

-- Statistics, kept as runs end and exactly: each run counts once, in its last state; a lost one that ends after all is
-- taken back, and a failed one that is followed by another attempt counts as retried. They outlive the runs. Runs without a name are not in them. A day is one of UTC, that of the run's start.

-- Each job that ever ran.
create table joblog.job (
  name            text not null,
  service         text not null,
  runs            bigint not null default 0,      -- that ended
  failures        bigint not null default 0,      -- of these: error, timeout or lost, and not retried
  timed           bigint not null default 0,      -- of these: success, error or timeout, which took the time that
  duration_ms     bigint not null default 0,      -- is summed here
  last_run_at     timestamptz,                    -- when the latest run began, ended or not
  last_success_at timestamptz,                    -- when the latest successful run began
  primary key (name, service)
) with (fillfactor = 50);

create table joblog.job_day (
  day         date not null,
  name        text not null,
  service     text not null,
  type        text not null,
  successes   int not null default 0,
  skipped     int not null default 0,
  cancelled   int not null default 0,
  errors      int not null default 0,
  timeouts    int not null default 0,
  lost        int not null default 0,
  duration_ms bigint not null default 0,          -- of successes, errors and timeouts together
  longest_ms  bigint,                             -- and of the longest of them
  cpu_runs    int not null default 0,             -- how many of them told of their CPU time
  cpu_ms      bigint not null default 0,
  memory_peak bigint,                             -- bytes, of the process that needed the most
  retried     int not null default 0,             -- error, timeout or lost, and followed by another attempt
  timed       int not null default 0,             -- successes, errors and timeouts, retried ones among them
  primary key (name, service, day, type)
) with (fillfactor = 70);

create index job_day_day on joblog.job_day (day);

-- The counts again by hour, for the time zones of their readers and for curves over weeks.
create table joblog.job_hour (
  hour      timestamptz not null,
  name      text not null,
  service   text not null,
  type      text not null,
  trigger   text not null,
  successes int not null default 0,
  skipped   int not null default 0,
  cancelled int not null default 0,
  errors    int not null default 0,
  timeouts  int not null default 0,
  lost      int not null default 0,
  retried   int not null default 0,
  primary key (hour, name, service, type, trigger)
) with (fillfactor = 70);

-- How long runs took that ended by success, error or timeout: four buckets an octave, each with its shortest and its longest
-- run, so that percentiles of few runs are exact and those of many off by less than a bucket, which is 19 % wide.
create table joblog.job_duration (
  day     date not null,
  name    text not null,
  service text not null,
  bucket  smallint not null,                      -- floor(4 * log2(1 + milliseconds))
  runs    int not null,
  low_ms  bigint,                                 -- the shortest and the longest of them; null of runs counted by a
  high_ms bigint,                                 -- version that did not keep these
  primary key (name, service, day, bucket)
) with (fillfactor = 70);

create index job_duration_day on joblog.job_duration (day);

-- Failures of the same kind: same type, and a message that differs in numbers and ids only.
create table joblog.job_error_day (
  day         date not null,
  name        text not null,
  service     text not null,
  error_group bigint not null,
  runs        int not null,
  first_at    timestamptz not null,               -- starts of runs
  last_at     timestamptz not null,
  type        text not null,
  message     text not null,                      -- with <n>, <id>, … for what differs
  primary key (error_group, name, service, day)
) with (fillfactor = 70);

create index job_error_day_day on joblog.job_error_day (day);

-- Schedules, and what became of them: see health/keeper.py.

-- The schedule in force of each job that has one.
create table joblog.job_schedule (
  name     text not null,
  service  text not null,
  schedule text not null,                         -- as its runs say it
  timezone text not null,                         -- that it is meant in where it names none
  since    timestamptz not null,                  -- when the first run with it began
  problem  text,                                  -- why nobody knows when the job is due
  primary key (name, service)
);

-- When jobs were due and will be, and the first run that came. Who asks takes what is settled as it is: that a run came in
-- time, and, once it was looked for after the next time was due (and a run's end to be told), that none did. The keeper
-- looks for these again.
create table joblog.job_expected (
  name        text not null,
  service     text not null,
  schedule    text not null,
  due_at      timestamptz not null,
  late_at     timestamptz not null,               -- from then on not on time
  judged_at   timestamptz not null,               -- and late, where no run is known: later, if runs are told at their end
  next_due_at timestamptz not null,
  looked_at   timestamptz,
  started_at  timestamptz,                        -- of its run, as of looked_at
  trace_id    uuid,
  span_id     bigint,
  primary key (name, service, due_at)
) with (fillfactor = 90);

create index job_expected_open on joblog.job_expected (name, service, due_at)
  where started_at is null or started_at > late_at;

-- Where a bucket of joblog.job_duration begins, in milliseconds.
create function joblog.bucket_ms(bucket int) returns double precision
  language sql immutable parallel safe
  return power(2, bucket / 4.0::double precision) - 1;

-- A percentile of runs in buckets: to be asked of each bucket, with its runs, those up to it, all of them, and its shortest
-- and longest; the least of the answers is meant. The runs of a bucket are taken to be evenly between its shortest and its
-- longest: one or two of them are exactly these.
create function joblog.bucket_percentile(
  percent int, runs double precision, upto double precision, total double precision,
  low double precision, high double precision) returns double precision
  language sql immutable parallel safe
  return case when upto * 100 >= total * percent then
    low + (high - low) * (greatest(1, ceil(total * percent / 100) - (upto - runs)) - 1) / greatest(1, runs - 1)
  end;

-- How long a run may go on before that is remarked on, in seconds: what it was declared to take at most, or else twice what
-- nearly all (95 %) of at least five successes took, and half a minute more than that. Null where neither is known.
create function joblog.time_limit_s(expected_s double precision, successes bigint, p95_s double precision)
  returns double precision
  language sql immutable parallel safe
  return coalesce(expected_s, case when successes >= 5 then greatest(2 * p95_s, p95_s + 30) end);

-- Bytes of a document. How many a compressed one has is seen by unpacking it only, and that can be a hundred times as many.
create function joblog.json_bytes(document jsonb) returns int
  language sql stable parallel safe
  return case
    when document is null then 0
    when pg_column_compression(document) is null then pg_column_size(document)
    else octet_length(document::text)
  end;

-- An object for a list: whole up to so many bytes; of a larger one the members that fit, our own first and small ones before
-- large ones.
create function joblog.short_json(document jsonb, bytes int) returns jsonb
  language sql stable parallel safe
  return case when joblog.json_bytes(document) <= bytes then document else (
    select coalesce(jsonb_object_agg(key, value), '{}')
    from (
      select key, value, sum(size) over (order by not starts_with(key, 'joblog.'), size, key) as upto
      from (
        select key, value, octet_length(key) + octet_length(value::text) as size from jsonb_each(document)
      ) as members
    ) as summed
    where upto <= bytes
  ) end;

-- What is shown to people and to programs: everything below is documented in docs/sql.md and stays as it is.

create function joblog.status_name(status smallint) returns text
  language sql immutable parallel safe
  return (array['pending', 'running', 'success', 'skipped', 'cancelled', 'error', 'timeout', 'lost'])[status + 1];

create function joblog.run_id(trace_id uuid, span_id bigint) returns text
  language sql immutable parallel safe
  return replace(trace_id::text, '-', '') || '-' || lpad(to_hex(span_id), 16, '0');

create function joblog.level_name(severity smallint) returns text
  language sql immutable parallel safe
  return (array['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'])[greatest(1, least(24, severity::int) + 3) / 4];

create function joblog.stream_name(stream smallint) returns text
  language sql immutable parallel safe
  return (array['log', 'stdout', 'stderr'])[stream + 1];

-- The two halves of a run_id as the tables have them, so that their index is used; null where it is none.
create function joblog.trace_key(run_id text) returns uuid
  language sql immutable parallel safe
  return case when run_id ~ '^[0-9a-f]{32}-[0-9a-f]{16}$' then left(run_id, 32)::uuid end;

create function joblog.run_key(run_id text) returns bigint
  language sql immutable parallel safe
  return case when run_id ~ '^[0-9a-f]{32}-[0-9a-f]{16}$' then ('x' || right(run_id, 16))::bit(64)::bigint end;

create view joblog.job_history as
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

create view joblog.active_jobs as
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

create view joblog.job_progress as
select
  joblog.run_id(run.trace_id, run.span_id) as run_id,
  run.name as job,
  run.service,
  run.started_at,
  extract(epoch from now() - run.started_at)::double precision as elapsed_s,
  run.progress_at,
  run.progress_current as current,
  run.progress_total as total,
  coalesce(run.progress_unit, '') as unit,
  case when run.progress_total > 0 then least(100, 100 * run.progress_current / run.progress_total) end as percent,
  case when run.progress_current > 0 and run.progress_total >= run.progress_current
    then extract(epoch from run.progress_at - run.started_at)::double precision
      * (run.progress_total - run.progress_current) / run.progress_current
  end as remaining_s,
  run.type,
  run.trigger
from joblog.job_run as run
where run.status <= 1 and run.name <> '' and run.progress_current is not null;

create view joblog.job_errors as
select
  day,
  name as job,
  service,
  type as error_type,
  message,
  runs,
  first_at as first_seen_at,
  last_at as last_seen_at,
  error_group
from joblog.job_error_day;

create view joblog.job_daily as
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

create view joblog.job_hourly as
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

create view joblog.job_duration_histogram as
select
  day,
  name as job,
  service,
  bucket,
  (power(2, bucket / 4.0::double precision) - 1) / 1000 as from_s,
  (power(2, (bucket + 1) / 4.0::double precision) - 1) / 1000 as to_s,
  runs,
  coalesce(low_ms, joblog.bucket_ms(bucket)) / 1000 as shortest_s,
  coalesce(high_ms, joblog.bucket_ms(bucket + 1)) / 1000 as longest_s
from joblog.job_duration;

create view joblog.job_durations as
select
  day,
  name as job,
  service,
  max(total)::bigint as runs,
  min(joblog.bucket_percentile(50, runs, upto, total, low_ms, high_ms)) / 1000 as p50_s,
  min(joblog.bucket_percentile(95, runs, upto, total, low_ms, high_ms)) / 1000 as p95_s,
  min(joblog.bucket_percentile(99, runs, upto, total, low_ms, high_ms)) / 1000 as p99_s
from (
  select
    day, name, service, runs,
    sum(runs) over (partition by name, service, day order by bucket) as upto,
    sum(runs) over (partition by name, service, day) as total,
    coalesce(low_ms, joblog.bucket_ms(bucket)) as low_ms,
    coalesce(high_ms, joblog.bucket_ms(bucket + 1)) as high_ms
  from joblog.job_duration
) as summed
group by day, name, service;

-- Runs may begin five seconds early: clocks of hosts differ.
create view joblog.job_punctuality as
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

create view joblog.job_schedules as
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

create view joblog.job_health as
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

create view joblog.job_steps as
select
  joblog.run_id(step.trace_id, step.run_span_id) as run_id,
  run.name as job,
  run.service,
  step.name as step,
  step.stage,
  step.task_id,
  step.seq,
  joblog.status_name(step.status) as status,
  step.status >= 5 as failed,
  step.started_at,
  step.ended_at,
  extract(epoch from step.ended_at - step.started_at)::double precision as duration_s,
  step.status_message,
  step.error_type,
  step.error_message,
  lpad(to_hex(step.span_id), 16, '0') as span_id,
  lpad(to_hex(step.parent_span_id), 16, '0') as parent_span_id,
  step.trace_id as trace_key,
  step.run_span_id as run_key
from joblog.job_step as step
left join joblog.job_run as run on run.trace_id = step.trace_id and run.span_id = step.run_span_id
where step.kind = 0;

create view joblog.job_lines as
select
  log.ts as at,
  joblog.run_id(log.trace_id, log.run_span_id) as run_id,
  run.name as job,
  run.service,
  joblog.level_name(log.severity) as level,
  log.severity,
  joblog.stream_name(log.stream) as stream,
  log.logger,
  log.message,
  log.seq,
  lpad(to_hex(log.span_id), 16, '0') as span_id,
  log.trace_id as trace_key,
  log.run_span_id as run_key,
  log.attributes,
  (
    select max(step.stage)
    from joblog.job_step as step
    where step.trace_id = log.trace_id and step.span_id = log.span_id
      and step.started_at between log.ts - interval '7 days' and log.ts
    group by step.trace_id
  ) as stage,
  (
    select max(coalesce(step.task_id, step.stage, case when step.kind = 0 then step.name end))
    from joblog.job_step as step
    where step.trace_id = log.trace_id and step.span_id = log.span_id
      and step.started_at between log.ts - interval '7 days' and log.ts
    group by step.trace_id
  ) as task_id
from joblog.job_log as log
left join joblog.job_run as run on run.trace_id = log.trace_id and run.span_id = log.run_span_id;

-- What the counts of a time are read from: the runs themselves, and the hours where these would be too many.
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

create view joblog.store_size as
select
  case when relispartition and relname ~ '_[0-9]{8}$' then to_date(right(relname, 8), 'YYYYMMDD') end as day,
  case
    when relname like 'job\_log%' then 'lines'
    when relname like 'job\_step%' then 'steps'
    when relname like 'job\_sample%' then 'samples'
    when relname = 'job_run' then 'runs'
    else 'statistics'
  end as holds,
  sum(pg_total_relation_size(oid))::bigint as bytes
from pg_catalog.pg_class
where relnamespace = 'joblog'::regnamespace and relkind = 'r'
group by 1, 2;

comment on function joblog.job_counts is
  'How many runs ended how, by job: one row a run up to four days, one an hour beyond, for both are quick. Sum them.';
comment on function joblog.trace_key is 'The trace_key of a run_id. With run_key it has an index in job_history, job_lines, job_steps.';
comment on function joblog.run_key is 'The run_key of a run_id.';
comment on view joblog.store_size is 'Bytes on disk, indexes included, by UTC day where they go by day, and by what they hold.';
comment on view joblog.job_history is
  'Every run, one row each. Bound started_at: it has the index. failed and open are indexed conditions, too.';
comment on column joblog.job_history.status is
  'pending, running, success, skipped, cancelled, error, timeout or lost';
comment on column joblog.job_history.failed is 'error, timeout or lost, and not followed by another attempt';
comment on column joblog.job_history.open is 'pending or running';
comment on column joblog.job_history.duration_s is 'seconds; null while the run is open';
comment on column joblog.job_history.lines is 'log lines in the store';
comment on column joblog.job_history.lines_emitted is 'lines that the run says its process emitted; null until its end is known';
comment on column joblog.job_history.lines_after_end is 'of lines, those emitted after the end of the run, by what outlived it';
comment on column joblog.job_history.bytes is 'of the messages of these lines, in UTF-8; null where an older version stored some';
comment on column joblog.job_history.error_group is 'the same number for the same kind of error, as in job_errors';
comment on column joblog.job_history.retried is 'error, timeout or lost, and followed by another attempt';
comment on column joblog.job_history.previous_run_id is 'the attempt before; null where none is known';
comment on column joblog.job_history.next_run_id is 'the attempt after; null where none is known';
comment on column joblog.job_history.started_at is 'of a pending run: when it was put into the queue';
comment on column joblog.job_history.queued_at is 'when it was put into a queue; null where none is known of';
comment on column joblog.job_history.queue_delay_s is 'seconds from queued_at to the start; null while it is pending';
comment on column joblog.job_history.producer_trace_id is 'the trace in which it was put into the queue';
comment on view joblog.job_attempts is
  'Attempts of executions of which more than one is known. execution_trace_key with execution_run_key has an index.';
comment on column joblog.job_attempts.execution_id is 'the same for all attempts of an execution: the run of the first one';
comment on view joblog.active_jobs is 'The runs that have not ended.';
comment on column joblog.active_jobs.unresponsive is 'running, but its process has missed three heartbeats';
comment on column joblog.active_jobs.expected_s is 'seconds that the job was declared to take';
comment on column joblog.active_jobs.usual_runs is 'successes among the 50 runs of the job before this one: what is usual is theirs';
comment on column joblog.active_jobs.time_limit_s is
  'seconds after which a run is overlong: what was declared, or else twice the usual p95, at least 30 more, of five successes or more';
comment on column joblog.active_jobs.overlong is 'it goes on for longer than time_limit_s';
comment on column joblog.active_jobs.last_heard_at is 'latest line, step, progress or start; heartbeats are none';
comment on column joblog.active_jobs.queued_at is 'when it was put into a queue; a pending run waits since then';
comment on view joblog.job_progress is 'How far the open runs have come that tell of it.';
comment on column joblog.job_progress.percent is '0 to 100; null where no total is known';
comment on column joblog.job_progress.remaining_s is 'seconds that are left if it goes on at the pace it had until progress_at';
comment on view joblog.job_errors is
  'Failed runs by UTC day, job and kind of error, without retried ones; the kind leaves out numbers and ids in messages. Bound day.';
comment on column joblog.job_errors.runs is 'how many runs failed so on this day';
comment on column joblog.job_errors.first_seen_at is 'start of the first of them';
comment on column joblog.job_errors.last_seen_at is 'start of the last of them';
comment on view joblog.job_daily is 'Counts of ended runs by UTC day of their start, job and type. Bound day.';
comment on column joblog.job_daily.failures is 'errors, timeouts and lost runs; none of these is followed by another attempt';
comment on column joblog.job_daily.retried is 'errors, timeouts and lost runs that were followed by another attempt';
comment on column joblog.job_daily.average_s is 'seconds, of successes, errors and timeouts, retried ones among them';
comment on column joblog.job_daily.longest_s is 'seconds, of successes, errors and timeouts';
comment on column joblog.job_daily.average_cpu_s is 'seconds of CPU of a run, where its process told';
comment on view joblog.job_hourly is
  'Counts of ended runs by the hour of their start, job, type and trigger: for curves over weeks, in any time zone. Bound hour.';
comment on view joblog.job_duration_histogram is
  'How many runs took how long, by UTC day and job: buckets from from_s up to to_s seconds, four an octave. Bound day.';
comment on column joblog.job_duration_histogram.shortest_s is 'seconds, of the shortest of these runs';
comment on column joblog.job_duration_histogram.longest_s is 'seconds, of the longest of these runs';
comment on view joblog.job_durations is
  'Percentiles in seconds of the durations by UTC day and job: exact for few runs, within 19 % for many. Successes, errors and timeouts count. Bound day.';
comment on view joblog.job_health is 'Every job that ever ran, with its latest run and how it has fared.';
comment on column joblog.job_health.success_age_s is 'seconds since the start of the last success; null where there was none';
comment on column joblog.job_health.failures_in_a_row is 'failed runs since the last success, without retried ones; 100 means 100 or more';
comment on column joblog.job_health.runs is 'all that ended, since the first';
comment on column joblog.job_health.average_s is 'seconds, of all successes, errors and timeouts since the first';
comment on column joblog.job_health.success_rate_7d is
  '0 to 1: successes among successes, errors, timeouts and lost runs of seven UTC days up to today';
comment on column joblog.job_health.schedule_problem is 'why nobody knows when the job is due: not understood, or not expected any more';
comment on column joblog.job_health.last_due_verdict is 'as in job_schedules; null without a schedule';
comment on view joblog.job_schedules is 'The schedule in force of each job that has one, and how the job keeps it.';
comment on column joblog.job_schedules.since is 'start of the first run with it';
comment on column joblog.job_schedules.problem is 'why nobody knows when the job is due: not understood, or not expected any more';
comment on column joblog.job_schedules.last_due_at is 'the last due time that can be judged: a run came, or its grace is over';
comment on column joblog.job_schedules.last_due_verdict is 'on time, late, started late or missed';
comment on column joblog.job_schedules.due_pause_s is 'seconds from that due time to the next one';
comment on column joblog.job_schedules.missed_7d is 'due times of the last seven times 24 hours for which nothing began';
comment on column joblog.job_schedules.open_since is
  'start of the latest run that still goes on, where the last due time is late or missed: why nothing began, perhaps';
comment on view joblog.job_punctuality is
  'When jobs with a schedule were due and will be, and the run that came for it. Bound due_at, or job and service.';
comment on column joblog.job_punctuality.grace_s is 'seconds after due_at that are still on time';
comment on column joblog.job_punctuality.delay_s is 'seconds from due_at to started_at';
comment on column joblog.job_punctuality.verdict is
  'upcoming, due (within its grace), on time, late (not begun), started late, missed (not begun until the next one was due, or for four times its grace); of jobs whose runs are told of when they end, each as much later as these take';
comment on column joblog.job_punctuality.open is 'it is not yet settled that a run came in time: has an index';
comment on view joblog.job_steps is 'Steps of runs. Bound started_at, which also picks the partitions.';
comment on view joblog.job_lines is
  'Log lines and lines of output. Bound at, which also picks the partitions; severity >= 17 has an index.';
comment on column joblog.job_lines.severity is 'OpenTelemetry severity number: 9 INFO, 13 WARN, 17 ERROR, 21 FATAL';
comment on column joblog.job_lines.at is 'when the line was written';
comment on column joblog.job_lines.stage is
  'of the step that it was written in, or the nearest one around it; looked up for each line, where it is asked for';
comment on column joblog.job_lines.task_id is
  'likewise; where none has one, the stage stands for it, or the name of the step';

-- What the processes of runs used, sampled while they ran, by day; thinned out, so that a run has some 360 at most.
create table joblog.job_sample (
  ts          timestamptz not null,
  trace_id    uuid not null,
  run_span_id bigint not null,
  seq         int not null,                       -- place among the samples of its run, from 1
  memory      bigint,                             -- bytes resident
  cpu_s       double precision not null,          -- of the whole process since the run began
  primary key (trace_id, run_span_id, ts, seq)
) partition by range (ts);

create table joblog.job_sample_default partition of joblog.job_sample default;

-- Makes the partition of a day of UTC where it is missing. Writers need not own the tables: it runs with the rights of
-- their owner, and so makes nothing but the near days of these.
create function joblog.make_day(parent text, day date) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if parent not in ('job_log', 'job_step', 'job_sample') or abs(day - (now() at time zone 'UTC')::date) > 500 then
    raise exception '% gets no partition for %', parent, day using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    'create table if not exists joblog.%I partition of joblog.%I for values from (%L) to (%L)',
    parent || to_char(day, '_YYYYMMDD'), parent,
    to_char(day, 'YYYY-MM-DD 00:00:00+00'), to_char(day + 1, 'YYYY-MM-DD 00:00:00+00'));
end $$;

revoke execute on function joblog.make_day(text, date) from public;

-- Gives what waits in a trace between two times (job_waiting) to the nearest run above it, as far as the spans between are
-- there; returns what each run gains. Lines have the run in their key: they move, which writers may not do themselves, so
-- it runs with the rights of their owner.
--
-- 1. "known" goes down from the runs, and from the spans whose run is known, through the spans that wait.
-- 2. Steps and spans change their run; runs learn their parent run. Lines move, but for those that are there already,
--    because they came again.
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

-- Retention: see store/upkeep/retention.py.

-- Runs that are next to be deleted, and how much each held when that was decided (and when it was archived).
create table joblog.job_due (
  trace_id uuid not null,
  span_id  bigint not null,
  lines    bigint not null,
  steps    int not null,
  primary key (trace_id, span_id)
);

-- Runs that stay until a day, whatever their own times say: those that an import brought back, and those from the future.
create table joblog.job_hold (
  trace_id uuid not null,
  span_id  bigint not null,
  until    date not null,
  primary key (trace_id, span_id)
);

-- Days past the retention that hold nothing any more but what is to stay.
create table joblog.job_swept (
  day date primary key
);

-- Clean-ups. One that has not ended goes on where it was.
create table joblog.job_cleanup (
  started_at      timestamptz primary key,
  ended_at        timestamptz,
  before          date not null,                  -- runs that ended before this day (UTC) go
  failures_before date not null,                  -- and failed ones that ended before this one
  archive         text,                           -- the file that the runs of job_due are on their way to; empty: to none
  runs            bigint not null default 0,      -- that went, so far
  lines           bigint not null default 0,
  days            int not null default 0,         -- that were dropped, or made smaller
  bytes           bigint not null default 0       -- that became free by that
);
