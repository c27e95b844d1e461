-- A job has no schedule any more: nothing is due from then on.
with gone as (
  delete from joblog.job_expected where name = %(name)s and service = %(service)s and due_at > %(since)s
)
delete from joblog.job_schedule where name = %(name)s and service = %(service)s;
