-- The latest clean-up.
select started_at, ended_at, before, failures_before, runs, lines, days, bytes
from joblog.job_cleanup
order by started_at desc
limit 1;
