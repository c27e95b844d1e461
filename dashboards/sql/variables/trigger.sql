-- What made runs of these services start.
select coalesce(nullif(trigger, ''), '(none)') as __text, trigger as __value
from (
  select trigger from joblog.job_hourly
  where hour between $__timeFrom()::timestamptz - interval '1 hour' and $__timeTo() and service in ($service)
  union
  select trigger from joblog.job_health where service in ($service) and trigger is not null
) as found
order by __text
