-- The stages and tasks of a run: see placed.sql. Counted are the first so many lines. What belongs to no step is the row
-- without a task.
with recursive spans as materialized (
  select span_id, parent_span_id, kind, name, stage, task_id, status, started_at, ended_at
  from joblog.job_step
  where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = %(span_id)s
  order by started_at, span_id
  limit %(most)s
),
placed as (
  select span_id, kind, case when kind = 0 then name end as step, stage, task_id, 0 as depth
  from spans
  where parent_span_id is null or parent_span_id not in (select span_id from spans)
  union all
  select
    inner_one.span_id, inner_one.kind, case when inner_one.kind = 0 then inner_one.name else outer_one.step end,
    coalesce(inner_one.stage, outer_one.stage), coalesce(inner_one.task_id, outer_one.task_id), outer_one.depth + 1
  from placed as outer_one
  join spans as inner_one on inner_one.parent_span_id = outer_one.span_id
  where outer_one.depth < 100
),
counted as (
  select
    span_id, count(*) as lines, count(*) filter (where severity between 13 and 16) as warnings,
    count(*) filter (where severity >= 17) as errors
  from (
    select span_id, severity from joblog.job_log
    where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(first_at)s and %(last_at)s
    order by ts, seq
    limit %(looked)s
  ) as looked
  group by span_id
)
select
  stage, task_id, count(*) over () as tasks,
  steps, statuses, started_at, ended_at, lines, warnings, errors, sum(lines) over () as looked
from (
  select
    placed.stage, coalesce(placed.task_id, placed.stage, placed.step) as task_id,
    count(spans.span_id) filter (where spans.kind = 0) as steps,
    array_agg(distinct spans.status) filter (where spans.kind = 0) as statuses,
    min(spans.started_at) as started_at, max(spans.ended_at) as ended_at,
    coalesce(sum(counted.lines), 0)::bigint as lines, coalesce(sum(counted.warnings), 0)::bigint as warnings,
    coalesce(sum(counted.errors), 0)::bigint as errors
  from placed
  join spans on spans.span_id = placed.span_id
  full join counted on counted.span_id = placed.span_id
  group by 1, 2
) as grouped
order by task_id is not null, started_at, stage, task_id
limit %(limit)s;
