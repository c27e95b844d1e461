-- What a run used, as far as it was kept.
select * from joblog.job_sample
where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts >= %(started_at)s - interval '1 day'
order by ts, seq;
