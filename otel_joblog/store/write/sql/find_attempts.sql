-- Which runs are attempts that follow one another, of those where one of the two is among these runs and they are not linked
-- yet. A later attempt says which run was before it; where it does not, that is the latest run of its job and reference
-- with the number before its own that nothing follows, among the last 1,000 of that reference. The earlier of two may come
-- after the later one. They are of one job, and numbers or times rise from one to the next, so that no chain is a circle.
with given as (
  select run.*
  from joblog.job_run as run
  join unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as key (trace_id, span_id) using (trace_id, span_id)
  where run.name <> ''
),
pair as (
  select
    earlier.trace_id, earlier.span_id, earlier.started_at, later.trace_id as next_trace_id, later.span_id as next_span_id,
    later.started_at as next_started_at
  from given as later
  cross join lateral (
    select run.trace_id, run.span_id, run.started_at
    from joblog.job_run as run
    where run.trace_id = later.previous_trace_id and run.span_id = later.previous_span_id
      and (run.name, run.service) = (later.name, later.service)
      and (run.attempt, run.started_at, run.trace_id, run.span_id)
        < (later.attempt, later.started_at, later.trace_id, later.span_id)
    union all
    (
      select trace_id, span_id, started_at
      from (
        select trace_id, span_id, started_at, name, service, attempt, next_trace_id
        from joblog.job_run
        where reference = later.reference and started_at <= later.started_at
        order by started_at desc
        limit 1000
      ) as run
      where (run.name, run.service, run.attempt) = (later.name, later.service, later.attempt - 1)
        and run.next_trace_id is null and later.previous_trace_id is null and later.attempt > 1
      limit 1
    )
  ) as earlier
  where (later.first_trace_id, later.first_span_id) is not distinct from (later.trace_id, later.span_id)
    or later.first_trace_id is null
  union
  select earlier.trace_id, earlier.span_id, earlier.started_at, later.trace_id, later.span_id, later.started_at
  from given as earlier
  cross join lateral (
    select run.trace_id, run.span_id, run.started_at
    from joblog.job_run as run
    where run.previous_trace_id = earlier.trace_id and run.previous_span_id = earlier.span_id
      and (run.name, run.service) = (earlier.name, earlier.service)
      and (run.attempt, run.started_at, run.trace_id, run.span_id)
        > (earlier.attempt, earlier.started_at, earlier.trace_id, earlier.span_id)
      and (run.first_trace_id is null or (run.first_trace_id, run.first_span_id) = (run.trace_id, run.span_id))
    union all
    (
      select run.trace_id, run.span_id, run.started_at
      from joblog.job_run as run
      where run.name = earlier.name and run.reference = earlier.reference and run.started_at >= earlier.started_at
        and run.attempt > 1 and run.service = earlier.service and run.attempt = earlier.attempt + 1
        and run.previous_trace_id is null and earlier.next_trace_id is null
      order by run.started_at
      limit 1
    )
  ) as later
)
select trace_id, span_id, next_trace_id, next_span_id
from (
  select distinct on (next_trace_id, next_span_id) * from pair order by next_trace_id, next_span_id, started_at desc
) as link
order by next_started_at desc;  -- of several that follow the same one the first is meant, which comes last
