-- What a run used, as far as it was kept. The bounds come as they are, so that the planner sees which days they leave.
select * from joblog.job_sample
where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts >= %(from)s
  and (%(to)s::timestamptz is null or ts <= %(to)s)
order by ts, seq;
