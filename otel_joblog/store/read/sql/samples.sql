-- The samples of a run in order, from the one end of it to the other.
select ts, memory, cpu_s
from joblog.job_sample
where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(from)s and %(to)s
order by ts, seq
limit %(limit)s;
