-- A part of the lines of a day's runs.
insert into joblog.job_log (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message)
select
  started_at + k * interval '0.1 seconds', trace_id, span_id, span_id, k, case when k = 50 then 13 else 9 end, 0,
  'app.orders', format('order %%s was processed in %%s ms by worker %%s: %%s rows read, queue default, attempt 1',
    left(md5(span_id || ' ' || k), 16), (span_id * 7919 + k) %% 5000, span_id %% 64, (span_id * 31 + k) %% 9973)
from joblog.job_run cross join generate_series(1, %(lines_a_run)s) as k
where started_at >= %(day)s and started_at < %(day)s + interval '1 day' and span_id %% %(parts)s = %(part)s;
