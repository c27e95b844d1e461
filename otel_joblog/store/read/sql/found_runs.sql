-- The runs that found lines belong to.
select trace_id, span_id, name, service, status, started_at, first_at
from joblog.job_run
join unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as wanted (trace_id, span_id) using (trace_id, span_id);
