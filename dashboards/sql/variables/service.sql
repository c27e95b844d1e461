-- Services whose jobs ran in the time shown, or ever.
select coalesce(nullif(service, ''), '(none)') as __text, service as __value
from (
  select service from joblog.job_hourly
  where hour between $__timeFrom()::timestamptz - interval '1 hour' and $__timeTo()
  union
  select service from joblog.job_health
) as found
order by __text
