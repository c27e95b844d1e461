-- Jobs whose due times are to be seen to: their schedule is new, has changed or is gone, has a problem, or too little lies
-- ahead. Where one is known, a run that was not started by it, as by hand, changes nothing, whatever it says, nor does one
-- of a clock that is far ahead. Where the latest runs tell nothing, or are deleted, what was known stays in force.
--
-- "told_after" is how long runs take, lately or ever, where the latest was told of at its end: its process is known by
-- what OTLP says of it, and its spans come when they are over.
select
  job.name, job.service, case when said.told then said.schedule else known.schedule end as schedule,
  case when said.told then said.timezone else known.timezone end as timezone,
  coalesce(said.started_at, job.last_run_at) as said_at,
  known.name is null
    or said.told is true and (said.schedule, said.timezone) is distinct from (known.schedule, known.timezone)
    or starts_with(known.problem, %(given_up)s) and job.last_run_at > now() - %(memory)s
    as changed,
  known.schedule as known_schedule, known.timezone as known_timezone, known.problem,
  known.since, last.due_at as last_due_at, now() as now, job.last_run_at,
  job.last_run_at <= now() - %(memory)s and (missed.enough or coalesce(starts_with(known.problem, %(given_up)s), false))
    as given_up,
  coalesce((
    select
      case when started_at = 'epoch' and boot_id = '' then make_interval(secs => coalesce(
        (
          select max(longest_ms)
          from joblog.job_day
          where name = job.name and service = job.service and day > (now() at time zone 'UTC')::date - 8
        ),
        job.duration_ms / nullif(job.timed, 0)
      ) / 1000.0) end
    from joblog.job_process
    where process_id = latest.process_id
  ), interval '0') as told_after
from joblog.job
left join joblog.job_schedule as known on known.name = job.name and known.service = job.service
left join lateral (
  select true as told, schedule, timezone, started_at
  from (
    select
      started_at, trace_id, span_id, schedule, trigger, coalesce(attributes ->> 'joblog.schedule.timezone', 'UTC') as timezone
    from joblog.job_run
    where name = job.name and service = job.service
      and started_at > now() - %(memory)s and started_at <= least(job.last_run_at, now() + interval '5 minutes')
    order by started_at desc, trace_id desc, span_id desc
    limit 20
  ) as run
  where trigger in ('', 'schedule') or schedule is not null and known.name is null
  order by started_at desc, trace_id desc, span_id desc
  limit 1
) as said on true
left join lateral (
  select due_at, next_due_at
  from joblog.job_expected
  where name = known.name and service = known.service
  order by due_at desc
  limit 1
) as last on true
left join lateral (
  select process_id
  from joblog.job_run
  where name = job.name and service = job.service and started_at <= job.last_run_at
  order by started_at desc
  limit 1
) as latest on true
cross join lateral (
  select count(*) = 3 as enough
  from (
    select from joblog.job_expected
    where name = known.name and service = known.service and due_at > job.last_run_at and due_at <= now()
    limit 3
  ) as since_last_run
) as missed
where case
  when known.name is null then said.schedule is not null
  when said.told and (said.schedule, said.timezone) is distinct from (known.schedule, known.timezone) then true
  else known.problem is not null
    or last.due_at is null or last.due_at <= now() or last.next_due_at <= now() + %(ahead)s
end;
