-- The lines of runs that were given up.
select gap.*
from unnest(%(trace_ids)s::uuid[], %(span_ids)s::bigint[]) with ordinality as run (trace_id, span_id, number)
join joblog.job_gap as gap on gap.trace_id = run.trace_id and gap.run_span_id = run.span_id
order by run.number, gap.at_ns;
