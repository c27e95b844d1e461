-- Among the newest 5,000 error lines of all jobs, so that the index on them does the work.
select at as "time", left(message, 8192) as message, lower(level) as level, job, service, logger, run_id
from (
  select * from joblog.job_lines where $__timeFilter(at) and severity >= 17 order by at desc limit 5000
) as newest
where service in ($service) and job in ($job)
order by at desc
limit 200
