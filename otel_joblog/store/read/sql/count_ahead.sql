-- How many runs say that they begin after a time, counted up to a limit.
select count(*)
from (
  select from joblog.job_run
  where started_at >= %(from)s
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  limit %(limit)s
) as bounded;
