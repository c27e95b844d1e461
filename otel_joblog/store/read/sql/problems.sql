-- The first warnings and errors of a run by parts of its time, which all are equally long: how many in each, and where its
-- first error is, or else its first warning.
select
  part, count(*) filter (where severity < 17) as warnings, count(*) filter (where severity >= 17) as errors,
  (array_agg(ts order by severity >= 17 desc, ts, seq))[1] as ts, (array_agg(seq order by severity >= 17 desc, ts, seq))[1] as seq
from (
  select
    ts, seq, severity,
    least(
      floor(%(parts)s * extract(epoch from ts - %(first_at)s) / greatest(extract(epoch from %(last_at)s - %(first_at)s), 0.000001)),
      %(parts)s - 1
    )::int as part
  from joblog.job_log
  where trace_id = %(trace_id)s and run_span_id = %(span_id)s and ts between %(first_at)s and %(last_at)s
    and severity >= 13
  order by ts, seq
  limit %(looked)s
) as placed
group by part
order by part;
