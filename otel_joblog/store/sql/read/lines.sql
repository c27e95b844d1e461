-- A page of a run's lines, in order. To be run after by_key.sql.
select ts, seq, span_id, severity, stream, logger, message, attributes
from joblog.job_log
where trace_id = %(trace_id)s and run_span_id = %(span_id)s
  and ts between %(first_at)s and %(last_at)s
  and (%(after_at)s::timestamptz is null or (ts, seq) > (%(after_at)s, %(after_seq)s::bigint))
  and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
  and (%(stream)s::smallint is null or stream = %(stream)s)
  and (%(step)s::bigint is null or span_id = %(step)s)
order by ts, seq
limit %(limit)s;
