-- Where lines of a run are that pass a filter: so many, and one more to tell that there is one. Looked at are so many lines
-- from the key on, of the severity or worse. To be run after by_key.sql.
select ts, seq
from (
  select ts, seq, stream, span_id, message from joblog.job_log
  where trace_id = %(trace_id)s and run_span_id = %(span_id)s
    and ts between %(first_at)s and %(last_at)s
    and (%(after_at)s::timestamptz is null or (ts, seq) > (%(after_at)s, %(after_seq)s::bigint))
    and (%(before_at)s::timestamptz is null or (ts, seq) < (%(before_at)s, %(before_seq)s::bigint))
    and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
  order by ts, seq
  limit %(looked)s::int
) as looked
where (%(stream)s::smallint is null or stream = %(stream)s)
  and (%(spans)s::bigint[] is null or span_id = any(%(spans)s))
  and (%(words)s::text[] is null or left(message, 8192) collate "C" ilike all (%(words)s))
order by ts, seq
limit %(limit)s::int + 1;
