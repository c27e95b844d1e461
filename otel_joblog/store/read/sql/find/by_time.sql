-- Runs newest first: all, the failed or open ones, or those of a kind of error.
select * from joblog.job_run
where (%(error_group)s::bigint is null or error_group = %(error_group)s)
  and (%(indexed_statuses)s::smallint[] is null or status = any(%(indexed_statuses)s))
  and (%(since)s::timestamptz is null or started_at >= %(since)s)
  and (%(until)s::timestamptz is null or started_at < %(until)s)
  and (%(before_at)s::timestamptz is null
    or (started_at, trace_id, span_id) < (%(before_at)s, %(before_trace)s::uuid, %(before_span)s::bigint))
order by started_at desc, trace_id desc, span_id desc
limit %(looked)s
