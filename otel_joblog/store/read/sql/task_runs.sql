-- The runs with steps of a task, each by the last of these steps, which is also its place in the list: last ones first.
select step.trace_id, step.run_span_id, step.started_at, step.span_id, run.name, run.service, run.status, run.first_at, run.last_at
from joblog.job_step as step
join joblog.job_run as run on run.trace_id = step.trace_id and run.span_id = step.run_span_id
where left(step.task_id, 200) collate "C" = left(%(task_id)s, 200) and step.task_id = %(task_id)s and step.kind = 0
  and (step.started_at, step.trace_id, step.span_id) <= (%(before_at)s, %(before_trace)s, %(before_span)s)
  and (%(seen)s::text[] is null or run.name like any(%(seen)s) or run.service like any(%(seen)s))
  and (%(job)s::text is null or run.name = %(job)s)
  and (%(service)s::text is null or run.service = %(service)s)
  and not exists (
    select 1 from joblog.job_step as later
    where later.trace_id = step.trace_id and later.started_at >= step.started_at
      and (later.started_at, later.span_id) > (step.started_at, step.span_id)
      and later.run_span_id = step.run_span_id and later.task_id = step.task_id and later.kind = 0
    offset 0  -- for each by its key, not as a join of everything
  )
order by step.started_at desc, step.trace_id desc, step.span_id desc
limit %(limit)s;
