-- The lines of a run in their order.
select * from joblog.job_log
where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(first_at)s and %(last_at)s
order by ts, seq;
