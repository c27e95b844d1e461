-- Which steps and spans these traces have in the time of a batch, the earliest of each trace: with so many the caller
-- knows nothing of the others. By key, trace by trace, where a join might scan the partitions.
select step.trace_id, step.started_at, step.span_id
from unnest(%(traces)s::uuid[]) as trace (id)
cross join lateral (
  select trace_id, started_at, span_id
  from joblog.job_step
  where trace_id = trace.id and started_at between %(first_at)s and %(last_at)s
  order by started_at, span_id
  limit %(most)s
) as step;
