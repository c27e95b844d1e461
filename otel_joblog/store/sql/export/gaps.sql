-- The lines of a run that were given up.
select * from joblog.job_gap where trace_id = %(trace_id)s and run_span_id = %(span_id)s order by at_ns;
