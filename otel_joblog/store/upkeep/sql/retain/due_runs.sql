-- Plans the next runs to go: those past their retention that began on the earliest day of all, at most so many. A run is as
-- old as its last sign of life; times from the future are none, and runs that have no others wait for their hold to end.
with due as materialized (
  select run.trace_id, run.span_id, run.lines, run.steps, (run.started_at at time zone 'UTC')::date as day
  from joblog.job_run as run
  left join joblog.job_live as live on live.process_id = run.process_id and run.status <= 1
  left join joblog.job_hold as hold on hold.trace_id = run.trace_id and hold.span_id = run.span_id
  cross join lateral (
    select max(at) as at
    from (values (run.started_at), (run.ended_at), (run.last_at), (run.progress_at), (live.beat_at)) as signs (at)
    where at < now() + interval '2 days'
  ) as last_sign
  where (run.started_at < %(before)s::date::timestamp at time zone 'UTC' or run.started_at > now() + interval '2 days')
    and (hold.until is null or hold.until <= %(today)s::date)
    and (last_sign.at is null and hold.until is not null or last_sign.at
      < case when run.status >= 5 then %(failures_before)s::date else %(before)s::date end::timestamp at time zone 'UTC')
  order by run.started_at
  limit %(limit)s
),
planned as (
  insert into joblog.job_due (trace_id, span_id, lines, steps)
  select trace_id, span_id, lines, steps from due where day = (select min(day) from due)
  on conflict do nothing
)
select min(day) as day from due;
