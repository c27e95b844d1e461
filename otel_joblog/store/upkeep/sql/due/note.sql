-- Nobody knows when a job is due, and nothing is from now on; or that is over.
with gone as (
  delete from joblog.job_expected
  where name = %(name)s and service = %(service)s and due_at > %(now)s and %(problem)s::text is not null
)
update joblog.job_schedule set problem = %(problem)s where name = %(name)s and service = %(service)s;
