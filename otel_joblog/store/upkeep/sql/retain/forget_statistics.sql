-- Statistics and due times that are over, notes of what waited for its run and went with its day, and holds that nobody needs.
with hours as (
  delete from joblog.job_hour where hour < %(hours_before)s::date::timestamp at time zone 'UTC'
),
days as (
  delete from joblog.job_day where day < %(days_before)s
),
durations as (
  delete from joblog.job_duration where day < %(days_before)s
),
errors as (
  delete from joblog.job_error_day where day < %(days_before)s
),
due_times as (
  delete from joblog.job_expected where due_at < %(before)s::date::timestamp at time zone 'UTC'
),
waiting as (
  delete from joblog.job_waiting where last_at < %(before)s::date::timestamp at time zone 'UTC'
)
delete from joblog.job_hold as hold
where until <= %(today)s
  and not exists (select from joblog.job_run as run where run.trace_id = hold.trace_id and run.span_id = hold.span_id);
