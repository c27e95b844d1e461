-- The runs of a job around one of them: so many before it, and so many after, by start.
select around.*
from joblog.job_run as run
cross join lateral (
  (
    select trace_id, span_id, started_at, ended_at, status, next_trace_id is not null as followed, lines,
      left(coalesce(error_message, status_message), 200) as message
    from joblog.job_run as earlier
    where earlier.name = run.name and earlier.service = run.service and earlier.started_at <= run.started_at
    order by earlier.started_at desc
    limit %(before)s
  )
  union all
  (
    select trace_id, span_id, started_at, ended_at, status, next_trace_id is not null, lines,
      left(coalesce(error_message, status_message), 200)
    from joblog.job_run as later
    where later.name = run.name and later.service = run.service and later.started_at > run.started_at
    order by later.started_at
    limit %(after)s
  )
) as around
where run.trace_id = %(trace_id)s and run.span_id = %(span_id)s;
