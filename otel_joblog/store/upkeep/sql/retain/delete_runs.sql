-- Deletes planned runs, at most so many, with what is said of them; all but their rows in days. One that gained something
-- since it was planned stays for another time, as does one that is not past its retention (any more): the plan may be that of
-- a clean-up by other days. As due_runs.sql. Days that they had rows in are to be swept. Returns how many were dealt with.
with planned as materialized (
  select * from joblog.job_due order by trace_id, span_id limit %(limit)s
),
gone as (
  delete from joblog.job_run as run
  using planned
  left join joblog.job_hold as hold on hold.trace_id = planned.trace_id and hold.span_id = planned.span_id
  where run.trace_id = planned.trace_id and run.span_id = planned.span_id
    and run.lines = planned.lines and run.steps = planned.steps
    and (hold.until is null or hold.until <= %(today)s::date)
    and (
      select max(at) is null and hold.until is not null or max(at)
        < case when run.status >= 5 then %(failures_before)s::date else %(before)s::date end::timestamp at time zone 'UTC'
      from (
        values (run.started_at), (run.ended_at), (run.last_at), (run.progress_at),
          ((select beat_at from joblog.job_live as live where live.process_id = run.process_id and run.status <= 1))
      ) as signs (at)
      where at < now() + interval '2 days'
    )
  returning run.trace_id, run.span_id, run.lines, least(run.started_at, run.first_at) as first_at,
    greatest(run.started_at, run.ended_at, run.last_at, run.progress_at) as last_at
),
gaps as (
  delete from joblog.job_gap as gap using gone where gap.trace_id = gone.trace_id and gap.run_span_id = gone.span_id
),
holds as (
  delete from joblog.job_hold as hold using gone where hold.trace_id = gone.trace_id and hold.span_id = gone.span_id
),
unswept as (
  delete from joblog.job_swept as swept
  using gone
  where swept.day between (gone.first_at at time zone 'UTC')::date - 1 and (gone.last_at at time zone 'UTC')::date + 1
),
dealt_with as (
  delete from joblog.job_due as due using planned where due.trace_id = planned.trace_id and due.span_id = planned.span_id
),
told as (
  update joblog.job_cleanup set
    runs = runs + (select count(*) from gone), lines = lines + (select coalesce(sum(gone.lines), 0) from gone)
  where ended_at is null
)
select count(*) from planned;
