-- The lines by which a run is compared: its first ones, its last ones, its first warnings and errors. To be run after by_key.sql.
(
  select ts, seq, severity, left(message, 500) as message from joblog.job_log
  where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(first_at)s and %(last_at)s
  order by ts, seq
  limit %(ends)s
)
union
(
  select ts, seq, severity, left(message, 500) from joblog.job_log
  where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(first_at)s and %(last_at)s
  order by ts desc, seq desc
  limit %(ends)s
)
union
(
  select ts, seq, severity, left(message, 500) from joblog.job_log
  where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(first_at)s and %(last_at)s
    and severity >= 13
  order by ts, seq
  limit %(problems)s
);
