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
  lines_emitted      bigint,                      -- what the run's own process says it emitted; null until its end
  progress_at        timestamptz,
  progress_current   double precision,
  progress_total     double precision,
  expected_s         double precision,
  steps              int not null default 0,      -- rows of job_step with kind 0, exactly
  steps_emitted      int,
  pid                int,
  exit_code          int,
  status             smallint not null,           -- conventions.RunStatus.code: open <= 1, failed >= 5
  attempt            smallint not null default 1,
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
  error_type         text,
  error_message      text,
  error_stacktrace   text,
  resource           jsonb,
  attributes         jsonb,
  events             jsonb,
  links              jsonb,
  primary key (trace_id, span_id)
) with (fillfactor = 90);

-- Ascending, though lists read them backwards: inserts at the right edge are the cheap ones. Nothing that changes while a
-- run is open is indexed, so its updates stay in their page (HOT).
create index job_run_started on joblog.job_run (started_at, trace_id, span_id);
create index job_run_name on joblog.job_run (name, started_at);
create index job_run_reference on joblog.job_run (reference, started_at) where reference is not null;
create index job_run_failed on joblog.job_run (started_at) where status >= 5;
create index job_run_open on joblog.job_run (started_at) where status <= 1;

-- When each process was heard last, by this server's clock. Unlogged: after a crash of the server it is empty until the
-- next beats. Nothing but the key is indexed, so that a beat stays in its page (HOT).
create unlogged table joblog.job_live (
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
  run_span_id      bigint not null,
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
