-- One run with everything that its row holds, and the rest as in runs.sql.
select run.*, false as cut, twins.number as twin, live.beat_at, now() as clock, gaps.by_reason as gaps,
  usual.successes as usual_successes, usual.p50_s as usual_p50_s, usual.p95_s as usual_p95_s,
  joblog.time_limit_s(run.expected_s, usual.successes, usual.p95_s) as time_limit_s
from joblog.job_run as run
cross join lateral (
  select count(*) as number
  from (
    select from joblog.job_run as other
    where other.name = run.name and other.service = run.service
      and other.started_at between date_trunc('second', run.started_at) and run.started_at
      and (other.started_at, other.trace_id, other.span_id) < (run.started_at, run.trace_id, run.span_id)
    limit 1000
  ) as earlier
) as twins
left join joblog.job_live as live on live.process_id = run.process_id and run.status <= 1
left join lateral (
  select
    count(*) as successes, percentile_cont(0.5) within group (order by seconds) as p50_s,
    percentile_cont(0.95) within group (order by seconds) as p95_s
  from (
    select extract(epoch from ended_at - started_at)::double precision as seconds, status
    from joblog.job_run as before
    where before.name = run.name and before.service = run.service and before.started_at < run.started_at
      and run.status = 1
    order by before.started_at desc
    limit 50
  ) as latest
  where status = 2
) as usual on true
cross join lateral (
  select jsonb_object_agg(reason, lines) as by_reason
  from (
    select reason, sum(lines) as lines from joblog.job_gap
    where trace_id = run.trace_id and run_span_id = run.span_id
    group by reason
  ) as reasons
) as gaps
where run.trace_id = %(trace_id)s and run.span_id = %(span_id)s;
