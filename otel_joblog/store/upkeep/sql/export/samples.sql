-- What runs used, as far as it was kept: up to a day outside of them, for want of their real end.
select sample.*
from unnest(%(trace_ids)s::uuid[], %(span_ids)s::bigint[], %(started_at)s::timestamptz[], %(ended_at)s::timestamptz[])
  with ordinality as run (trace_id, span_id, started_at, ended_at, number)
cross join lateral (
  select * from joblog.job_sample
  where trace_id = run.trace_id and run_span_id = run.span_id
    and ts >= run.started_at - interval '1 day' and ts <= coalesce(run.ended_at, 'infinity') + interval '1 day'
    and ts between %(started_low)s::timestamptz - interval '1 day'
      and coalesce(%(ended_high)s::timestamptz, 'infinity') + interval '1 day'
  offset 0
) as sample
order by run.number, sample.ts, sample.seq;
