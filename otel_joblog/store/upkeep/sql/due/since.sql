-- When the first run began that has this schedule, after all with another one. As in jobs.sql, those count that were
-- started by it, and any with a schedule where none was known.
select min(started_at) as since
from joblog.job_run
where name = %(name)s and service = %(service)s and started_at <= %(said_at)s
  and (trigger in ('', 'schedule') or %(since)s::timestamptz is null)
  and (schedule, coalesce(attributes ->> 'joblog.schedule.timezone', 'UTC'))
    is not distinct from (%(schedule)s::text, %(timezone)s::text)
  and started_at > greatest(%(now)s - %(memory)s, (
    select max(started_at)
    from joblog.job_run
    where name = %(name)s and service = %(service)s
      and started_at > %(now)s - %(memory)s and started_at <= %(said_at)s
      and (schedule, coalesce(attributes ->> 'joblog.schedule.timezone', 'UTC'))
        is distinct from (%(schedule)s::text, %(timezone)s::text)
      and (trigger in ('', 'schedule') or schedule is not null and %(since)s::timestamptz is null)
  ));
