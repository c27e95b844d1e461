-- What a clean-up would do: runs that would go and runs that would stay past the retention, with their lines. As due_runs.sql.
select due, failed, count(*) as runs, coalesce(sum(lines), 0)::bigint as lines
from (
  select run.lines, run.status >= 5 as failed,
    (last_sign.at is null and hold.until is not null or last_sign.at
      < case when run.status >= 5 then %(failures_before)s::date else %(before)s::date end::timestamp at time zone 'UTC')
      and (hold.until is null or hold.until <= %(today)s::date) as due
  from joblog.job_run as run
  left join joblog.job_live as live on live.process_id = run.process_id and run.status <= 1
  left join joblog.job_hold as hold on hold.trace_id = run.trace_id and hold.span_id = run.span_id
  cross join lateral (
    select max(at) as at
    from (values (run.started_at), (run.ended_at), (run.last_at), (run.progress_at), (live.beat_at)) as signs (at)
    where at < now() + interval '2 days'
  ) as last_sign
  where run.started_at < %(before)s::date::timestamp at time zone 'UTC' or run.started_at > now() + interval '2 days'
) as old
group by due, failed;
