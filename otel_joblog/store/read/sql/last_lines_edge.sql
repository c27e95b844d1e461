-- As lines_edge.sql, of last_lines.sql.
select ts, seq
from joblog.job_log
where trace_id = %(trace_id)s and run_span_id = %(span_id)s
  and ts between %(first_at)s and %(last_at)s
  and (%(after_at)s::timestamptz is null or (ts, seq) > (%(after_at)s, %(after_seq)s::bigint))
  and (%(before_at)s::timestamptz is null or (ts, seq) < (%(before_at)s, %(before_seq)s::bigint))
  and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
order by ts desc, seq desc
offset %(looked)s::int - 1
limit 2;
