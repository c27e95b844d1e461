-- Gives what waits in a trace to the nearest run above it, as far as the spans between are there; returns what each run
-- gains.
--
-- 1. "known" goes down from the runs, and from the spans whose run is known, through the spans that wait.
-- 2. A span that is a run by what somebody else told is no other span besides.
-- 3. Steps and spans change their run; runs learn their parent run. Lines have the run in their key: they move, but for
--    those that are there already, because they came again.
with recursive spans as materialized (
  select span_id, parent_span_id, run_span_id
  from joblog.job_step
  where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s
),
found as (
  (
    select span_id, span_id as run_span_id from joblog.job_run where trace_id = %(trace_id)s
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
  where step.trace_id = %(trace_id)s and step.started_at between %(first_at)s and %(last_at)s and step.run_span_id = 0
    and run.trace_id = %(trace_id)s and run.span_id = step.span_id
),
steps as (
  update joblog.job_step as step set run_span_id = known.run_span_id
  from known
  where step.trace_id = %(trace_id)s and step.started_at between %(first_at)s and %(last_at)s
    and step.run_span_id = 0 and step.span_id = known.span_id
    and not exists (select from joblog.job_run where trace_id = %(trace_id)s and span_id = step.span_id)
  returning step.run_span_id, step.started_at as at, step.kind
),
gone as (
  delete from joblog.job_log as line
  using known
  where line.trace_id = %(trace_id)s and line.run_span_id = 0 and line.ts between %(first_at)s and %(last_at)s
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
  returning run_span_id, ts as at, severity, seq
),
runs as (
  update joblog.job_run as run set parent_run_span_id = known.run_span_id
  from known
  where run.trace_id = %(trace_id)s and run.parent_run_span_id is null
    and run.parent_span_id = known.span_id and run.span_id <> known.run_span_id
)
select
  run_span_id, min(at) as first_at, max(at) as last_at,
  count(*) filter (where severity is not null) as lines,
  count(*) filter (where severity between 13 and 16) as warnings,
  count(*) filter (where severity >= 17) as errors,
  count(*) filter (where seq >= 4294967296) as elsewhere,  -- gains.ELSEWHERE
  count(*) filter (where kind = 0) as steps
from (
  select run_span_id, at, kind, null::smallint as severity, null::bigint as seq from steps
  union all
  select run_span_id, at, null, severity, seq from lines
) as gained
group by run_span_id;
