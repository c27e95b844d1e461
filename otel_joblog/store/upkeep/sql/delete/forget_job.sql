-- All that is left of a job whose runs are gone: statistics of those that were cleaned up before, schedule, due times.
with days as (
  delete from joblog.job_day where name = %(job)s and service = %(service)s
),
hours as (
  delete from joblog.job_hour where name = %(job)s and service = %(service)s
),
durations as (
  delete from joblog.job_duration where name = %(job)s and service = %(service)s
),
errors as (
  delete from joblog.job_error_day where name = %(job)s and service = %(service)s
),
schedules as (
  delete from joblog.job_schedule where name = %(job)s and service = %(service)s
),
due_times as (
  delete from joblog.job_expected where name = %(job)s and service = %(service)s
)
delete from joblog.job
where name = %(job)s and service = %(service)s
  and not exists (select 1 from joblog.job_run as run where run.name = %(job)s and run.service = %(service)s limit 1);
