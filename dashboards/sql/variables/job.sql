-- Jobs of these services, types and triggers: the statistics that do not know type and trigger are narrowed by this list.
select job as __text, job as __value
from (
  select job from joblog.job_hourly
  where hour between $__timeFrom()::timestamptz - interval '1 hour' and $__timeTo()
    and service in ($service) and type in ($type) and trigger in ($trigger)
  union
  select job from joblog.job_health
  where service in ($service) and (type is null or type in ($type)) and (trigger is null or trigger in ($trigger))
) as found
order by __text
