-- Takes runs out of the statistics: the numbers of statistics.sql, taken away from what is there. In the same order.
with jobs as (
  update joblog.job as stored set
    runs = stored.runs - coalesce(gone.runs, 0), failures = stored.failures - coalesce(gone.failures, 0),
    timed = stored.timed - coalesce(gone.timed, 0), duration_ms = stored.duration_ms - coalesce(gone.duration_ms, 0)
  from jsonb_populate_recordset(null::joblog.job, %(jobs)s::jsonb) as gone
  where stored.name = gone.name and stored.service = gone.service
),
days as (
  update joblog.job_day as stored set
    successes = stored.successes - coalesce(gone.successes, 0), skipped = stored.skipped - coalesce(gone.skipped, 0),
    cancelled = stored.cancelled - coalesce(gone.cancelled, 0), errors = stored.errors - coalesce(gone.errors, 0),
    timeouts = stored.timeouts - coalesce(gone.timeouts, 0), lost = stored.lost - coalesce(gone.lost, 0),
    retried = stored.retried - coalesce(gone.retried, 0), timed = stored.timed - coalesce(gone.timed, 0),
    duration_ms = stored.duration_ms - coalesce(gone.duration_ms, 0), cpu_runs = stored.cpu_runs - coalesce(gone.cpu_runs, 0),
    cpu_ms = stored.cpu_ms - coalesce(gone.cpu_ms, 0)
  from jsonb_populate_recordset(null::joblog.job_day, %(days)s::jsonb) as gone
  where stored.name = gone.name and stored.service = gone.service and stored.day = gone.day and stored.type = gone.type
),
hours as (
  update joblog.job_hour as stored set
    successes = stored.successes - coalesce(gone.successes, 0), skipped = stored.skipped - coalesce(gone.skipped, 0),
    cancelled = stored.cancelled - coalesce(gone.cancelled, 0), errors = stored.errors - coalesce(gone.errors, 0),
    timeouts = stored.timeouts - coalesce(gone.timeouts, 0), lost = stored.lost - coalesce(gone.lost, 0),
    retried = stored.retried - coalesce(gone.retried, 0)
  from jsonb_populate_recordset(null::joblog.job_hour, %(hours)s::jsonb) as gone
  where stored.hour = gone.hour and stored.name = gone.name and stored.service = gone.service and stored.type = gone.type
    and stored.trigger = gone.trigger
),
durations as (
  update joblog.job_duration as stored set runs = stored.runs - gone.runs
  from jsonb_populate_recordset(null::joblog.job_duration, %(durations)s::jsonb) as gone
  where stored.name = gone.name and stored.service = gone.service and stored.day = gone.day
    and stored.bucket = gone.bucket
)
update joblog.job_error_day as stored set runs = stored.runs - gone.runs
from jsonb_populate_recordset(null::joblog.job_error_day, %(errors)s::jsonb) as gone
where stored.error_group = gone.error_group and stored.name = gone.name and stored.service = gone.service
  and stored.day = gone.day;
