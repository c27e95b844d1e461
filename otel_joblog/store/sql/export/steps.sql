-- The steps and other spans of a run, within the days that it touched.
select * from joblog.job_step
where trace_id = %(trace_id)s and run_span_id = %(span_id)s
  and (%(first_at)s::timestamptz is null or started_at between %(first_at)s and %(last_at)s)
order by started_at, span_id;
