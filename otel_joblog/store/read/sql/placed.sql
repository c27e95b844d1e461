-- The first spans of a run, each with its stage and task: its own, or those of the nearest span around it that has one.
-- Where none has a task, the stage stands for it, or else the name of the step. Spans that are each other's parents, which
-- no job makes, are not among them.
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
)
select span_id, stage, coalesce(task_id, stage, step) as task_id
from placed
where (%(stage)s::text is null or stage = %(stage)s)
  and (%(task_id)s::text is null or coalesce(task_id, stage, step) = %(task_id)s);
