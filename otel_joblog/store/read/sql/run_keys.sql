-- The runs that a prefix of a run id may mean, four at most, with the bounds and numbers of what belongs to them. Within a trace that
-- is its outermost and first run, unless the prefix goes on into the span id.
select distinct on (trace_id, case when %(span_prefix)s <> '' then span_id end) 
  trace_id, span_id, started_at, ended_at, first_at, last_at, status, lines, warnings, errors
from joblog.job_run
where trace_id between %(low)s and %(high)s
  and lpad(to_hex(span_id), 16, '0') like %(span_prefix)s || '%%'
  and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
order by trace_id, case when %(span_prefix)s <> '' then span_id end, parent_run_span_id is not null, started_at, span_id
limit 4;
