-- The latest success of a run's job before it, if it is among so many runs.
select earlier.trace_id, earlier.span_id
from joblog.job_run as run
cross join lateral (
  select trace_id, span_id, started_at, status
  from joblog.job_run as other
  where other.name = run.name and other.service = run.service and other.started_at < run.started_at
  order by other.started_at desc
  limit %(looked)s
) as earlier
where run.trace_id = %(trace_id)s and run.span_id = %(span_id)s and earlier.status = 2
order by earlier.started_at desc
limit 1;
