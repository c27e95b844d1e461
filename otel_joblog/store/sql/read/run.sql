-- One run with everything that its row holds, and its twins as in runs.sql.
select run.*, twins.number as twin
from joblog.job_run as run
cross join lateral (
  select count(*) as number
  from (
    select from joblog.job_run as other
    where other.name = run.name and other.service = run.service
      and other.started_at between date_trunc('second', run.started_at) and run.started_at
      and (other.started_at, other.trace_id, other.span_id) < (run.started_at, run.trace_id, run.span_id)
    limit 1000
  ) as earlier
) as twins
where run.trace_id = %(trace_id)s and run.span_id = %(span_id)s;
