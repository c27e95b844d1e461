-- Statistics that are over, and holds that nobody needs.
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
)
delete from joblog.job_hold as hold
where until <= %(today)s
  and not exists (select from joblog.job_run as run where run.trace_id = hold.trace_id and run.span_id = hold.span_id);
