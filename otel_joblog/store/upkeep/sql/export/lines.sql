-- The lines of runs, in their order.
select line.*
from unnest(%(trace_ids)s::uuid[], %(span_ids)s::bigint[], %(first_at)s::timestamptz[], %(last_at)s::timestamptz[])
  with ordinality as run (trace_id, span_id, first_at, last_at, number)
cross join lateral (
  select * from joblog.job_log
  where trace_id = run.trace_id and run_span_id = run.span_id
    and ts between coalesce(run.first_at, '-infinity') and coalesce(run.last_at, 'infinity')
    and ts between coalesce(%(low)s::timestamptz, '-infinity') and coalesce(%(high)s::timestamptz, 'infinity')
  offset 0
) as line
order by run.number, line.ts, line.seq;
