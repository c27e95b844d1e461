-- Schedules of the jobs that are cron's, and their due times over the days: one job every minute, others more seldom. Of
-- all but the last one in a hundred was missed, another began late, as the keeper of due times would have settled it.
insert into joblog.job_schedule (name, service, schedule, timezone, since)
select
  name, service,
  (array['* * * * *', '*/5 * * * *', '*/15 * * * *', '0 * * * *', '0 3 * * *'])[
    case when n = 1 then 1 when n <= 5 then 2 when n <= 15 then 3 when n <= 30 then 4 else 5 end],
  'UTC', %(until)s::timestamptz - make_interval(days => %(days)s)
from (
  select job.name, job.service, row_number() over (order by runs) as n
  from joblog.job
  where exists (select from joblog.job_day as day where day.name = job.name and day.service = job.service and type = 'cron')
) as cron;

insert into joblog.job_expected (name, service, schedule, due_at, late_at, judged_at, next_due_at, looked_at, started_at)
select
  name, service, schedule, due_at,
  due_at + greatest(least(pause / 10, interval '15 minutes'), interval '1 minute'),
  due_at + greatest(least(pause / 10, interval '15 minutes'), interval '1 minute'), due_at + pause,
  case when due_at + pause < %(until)s then due_at + pause end,
  case when due_at + pause < %(until)s and chance > 0.01 then due_at + case when chance > 0.02 then pause / 100 else pause / 2 end end
from (
  select
    *, generate_series(date_trunc('day', since) + interval '3 hours', %(until)s::timestamptz + pause, pause) as due_at
  from (
    select
      *,
      case schedule
        when '* * * * *' then interval '1 minute'
        when '*/5 * * * *' then interval '5 minutes'
        when '*/15 * * * *' then interval '15 minutes'
        when '0 * * * *' then interval '1 hour'
        else interval '1 day'
      end as pause
    from joblog.job_schedule
  ) as paused
) as due
cross join lateral (select random() as chance where due_at is not null) as drawn
order by due_at;
