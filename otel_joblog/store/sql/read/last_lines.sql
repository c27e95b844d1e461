-- The last lines of a run, last first. To be run after by_key.sql.
select ts, seq, span_id, severity, stream, logger, message, attributes
from joblog.job_log
where trace_id = %(trace_id)s and run_span_id = %(span_id)s
  and ts between %(first_at)s and %(last_at)s
  and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
  and (%(stream)s::smallint is null or stream = %(stream)s)
  and (%(step)s::bigint is null or span_id = %(step)s)
order by ts desc, seq desc
limit %(limit)s;
