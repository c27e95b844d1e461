-- How many of the first so many lines of a run, of the severity or worse, pass a filter; "looked" is how many these are.
select
  count(*) as looked,
  count(*) filter (
    where (%(stream)s::smallint is null or stream = %(stream)s)
      and (%(spans)s::bigint[] is null or span_id = any(%(spans)s))
      and (%(words)s::text[] is null or left(message, 8192) collate "C" ilike all (%(words)s))
  ) as matching
from (
  select stream, span_id, message from joblog.job_log
  where trace_id = %(trace_id)s and run_span_id = %(span_id)s
    and ts between %(first_at)s and %(last_at)s
    and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
  order by ts, seq
  limit %(looked)s::int
) as looked;
