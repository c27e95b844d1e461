-- These runs stay until a day.
insert into joblog.job_hold as stored (trace_id, span_id, until)
select distinct trace_id, span_id, %(until)s::date
from unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as run (trace_id, span_id)
on conflict (trace_id, span_id) do update set until = greatest(stored.until, excluded.until);
