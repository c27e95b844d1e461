-- The last line of each of some runs, if it came within a day of the last that the run did: so no more than two days of
-- lines are looked into for each.
select run.trace_id, run.span_id, line.message
from joblog.job_run as run
cross join lateral (
  select left(message, 300) as message
  from joblog.job_log as log
  where log.trace_id = run.trace_id and log.run_span_id = run.span_id
    and log.ts between run.last_at - interval '1 day' and run.last_at
  order by log.ts desc, log.seq desc
  limit 1
) as line
where run.trace_id = any(%(traces)s::uuid[])
  and (run.trace_id, run.span_id) in (select * from unnest(%(traces)s, %(spans)s::bigint[]))
  and run.lines > 0
  and (%(seen)s::text[] is null or run.name like any(%(seen)s) or run.service like any(%(seen)s));
