-- The staged lines that are not there yet; returns what each run gained.
with inserted as (
  insert into joblog.job_log
  select * from pg_temp.joblog_staged_line
  order by trace_id, run_span_id, ts, seq
  on conflict do nothing
  returning trace_id, run_span_id, ts, seq, severity, octet_length(message) as bytes
)
select
  trace_id, run_span_id, min(ts) as first_at, max(ts) as last_at, count(*) as lines,
  sum(bytes) as bytes,
  count(*) filter (where severity between 13 and 16) as warnings,
  count(*) filter (where severity >= 17) as errors,
  count(*) filter (where seq >= 8589934592) as elsewhere,  -- records.ELSEWHERE, and AFTER_END
  count(*) filter (where seq >= 4294967296 and seq < 8589934592) as after_end,
  coalesce(max(seq) filter (where seq >= 4294967296 and seq < 8589934592) - 4294967295, 0) as after_end_emitted
from inserted
group by trace_id, run_span_id;
