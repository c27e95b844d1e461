-- As lines.sql, from the other end: the last lines of a run or before a key, last first.
select ts, seq, span_id, severity, stream, logger, message, attributes, more
from (
  select *, sum(size) over earlier as size_before, lead(true, 1, false) over earlier as more
  from (
    select
      ts, seq, span_id, severity, stream, logger, message, attributes,
      octet_length(message) + joblog.json_bytes(attributes) as size
    from (
      select * from joblog.job_log
      where trace_id = %(trace_id)s and run_span_id = %(span_id)s
        and ts between %(first_at)s and %(last_at)s
        and (%(after_at)s::timestamptz is null or (ts, seq) > (%(after_at)s, %(after_seq)s::bigint))
        and (%(before_at)s::timestamptz is null or (ts, seq) < (%(before_at)s, %(before_seq)s::bigint))
        and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
      order by ts desc, seq desc
      limit %(looked)s::int
    ) as looked
    where (%(stream)s::smallint is null or stream = %(stream)s)
      and (%(spans)s::bigint[] is null or span_id = any(%(spans)s))
      and (%(words)s::text[] is null or left(message, 8192) collate "C" ilike all (%(words)s))
    order by ts desc, seq desc
    limit %(limit)s::int + 1
  ) as found
  window earlier as (order by ts desc, seq desc rows between unbounded preceding and 1 preceding)
) as measured
where size_before is null or size_before + size <= %(bytes)s
order by ts desc, seq desc
limit %(limit)s;
