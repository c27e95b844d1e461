-- The services in which a job of this name is known, with the numbers of what is there of each.
select
  service, count(*) as runs, count(*) filter (where status <= 1) as open, coalesce(sum(lines), 0)::bigint as lines,
  coalesce(sum(steps), 0)::bigint as steps
from joblog.job_run
where name = %(job)s and (%(service)s::text is null or service = %(service)s)
group by service
union all
select service, 0, 0, 0, 0
from joblog.job
where name = %(job)s and (%(service)s::text is null or service = %(service)s)
  and service not in (select service from joblog.job_run where name = %(job)s)
order by service;
