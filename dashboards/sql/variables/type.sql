-- Types of jobs of these services.
select coalesce(nullif(type, ''), '(none)') as __text, type as __value
from (
  select type from joblog.job_hourly
  where hour between $__timeFrom()::timestamptz - interval '1 hour' and $__timeTo() and service in ($service)
  union
  select type from joblog.job_health where service in ($service) and type is not null
) as found
order by __text
