-- When the first run began that has this schedule, after all with another one.
select min(started_at) as since
from joblog.job_run
where name = %(name)s and service = %(service)s and started_at <= %(said_at)s
  and schedule = %(schedule)s and coalesce(attributes ->> 'joblog.schedule.timezone', 'UTC') = %(timezone)s
  and started_at > greatest(%(now)s - %(memory)s, (
    select max(started_at)
    from joblog.job_run
    where name = %(name)s and service = %(service)s
      and started_at > %(now)s - %(memory)s and started_at <= %(said_at)s
      and (schedule, coalesce(attributes ->> 'joblog.schedule.timezone', 'UTC'))
        is distinct from (%(schedule)s, %(timezone)s)
      and (schedule is not null or trigger in ('', 'schedule'))
  ));
