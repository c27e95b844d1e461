-- Lines of the runs that began in a part of the time: a word that nearly all hold, one in a million, an id in each.
insert into joblog.job_log (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message, attributes)
select
  started_at + k * (ended_at - started_at) / (%(lines_a_run)s + 1), trace_id, span_id,
  case when k > 2 then -span_id else span_id end, k, case k when 5 then 13 when %(lines_a_run)s then last_severity else 9 end,
  k %% 10 / 9, 'app.orders',
  case k when %(lines_a_run)s then last_message else format(
    'order %%s was %%s in %%s ms by worker %%s: %%s rows read, %%s rows written, queue %%s%%s',
    left(md5(span_id || ' ' || k), 16), (array['processed', 'checked', 'accepted', 'billed'])[1 + k %% 4],
    (span_id * 7919 + k * 31) %% 5000, span_id %% 64, (span_id * 31 + k) %% 9973, (span_id * 17 + k) %% 997,
    (array['default', 'bulk', 'mail', 'reports', 'exports'])[1 + span_id %% 5],
    case when (span_id * 10 + k) %% 1000003 = 77 then ', met a xylophone' else '' end)
  end,
  case when k = 1 then '{"shard": 3, "batch": "b-17"}'::jsonb end
from (
  select
    started_at, coalesce(ended_at, started_at + interval '5 seconds') as ended_at, trace_id, span_id,
    case when status >= 5 then 17 else 9 end as last_severity,
    case when status >= 5 then status_message else 'all orders are processed' end as last_message
  from joblog.job_run where started_at >= %(since)s and started_at < %(until)s
  order by started_at
) as run
cross join generate_series(1, %(lines_a_run)s) as k;
