-- How many runs say that they begin after a time, counted up to a limit.
select count(*)
from (
  select from joblog.job_run
  where started_at >= %(from)s
  limit %(limit)s
) as bounded;
