-- What a batch changes in the statistics, by table: numbers to add, and the latest times. In the order of their keys, so
-- that writers do not lock crosswise. What changes nothing, as when a batch is written again, is not touched.
with jobs as (
  insert into joblog.job as stored (name, service, runs, failures, timed, duration_ms, last_run_at, last_success_at)
  select
    name, service, coalesce(runs, 0), coalesce(failures, 0), coalesce(timed, 0), coalesce(duration_ms, 0), last_run_at,
    last_success_at
  from jsonb_populate_recordset(null::joblog.job, %(jobs)s::jsonb)
  order by name, service
  on conflict (name, service) do update set
    runs = stored.runs + excluded.runs,
    failures = stored.failures + excluded.failures,
    timed = stored.timed + excluded.timed,
    duration_ms = stored.duration_ms + excluded.duration_ms,
    last_run_at = greatest(stored.last_run_at, excluded.last_run_at),
    last_success_at = greatest(stored.last_success_at, excluded.last_success_at)
  where (excluded.runs, excluded.failures, excluded.timed) <> (0, 0, 0) or excluded.last_run_at > stored.last_run_at
    or excluded.last_success_at is not null
),
days as (
  insert into joblog.job_day as stored (
    day, name, service, type, successes, skipped, cancelled, errors, timeouts, lost, retried, timed, duration_ms,
    longest_ms, cpu_runs, cpu_ms, memory_peak)
  select
    day, name, service, type, coalesce(successes, 0), coalesce(skipped, 0), coalesce(cancelled, 0), coalesce(errors, 0),
    coalesce(timeouts, 0), coalesce(lost, 0), coalesce(retried, 0), coalesce(timed, 0), coalesce(duration_ms, 0),
    longest_ms, coalesce(cpu_runs, 0), coalesce(cpu_ms, 0), memory_peak
  from jsonb_populate_recordset(null::joblog.job_day, %(days)s::jsonb)
  order by name, service, day, type
  on conflict (name, service, day, type) do update set
    successes = stored.successes + excluded.successes,
    skipped = stored.skipped + excluded.skipped,
    cancelled = stored.cancelled + excluded.cancelled,
    errors = stored.errors + excluded.errors,
    timeouts = stored.timeouts + excluded.timeouts,
    lost = stored.lost + excluded.lost,
    retried = stored.retried + excluded.retried,
    timed = stored.timed + excluded.timed,
    duration_ms = stored.duration_ms + excluded.duration_ms,
    longest_ms = greatest(stored.longest_ms, excluded.longest_ms),
    cpu_runs = stored.cpu_runs + excluded.cpu_runs,
    cpu_ms = stored.cpu_ms + excluded.cpu_ms,
    memory_peak = greatest(stored.memory_peak, excluded.memory_peak)
),
hours as (
  insert into joblog.job_hour as stored (
    hour, name, service, type, trigger, successes, skipped, cancelled, errors, timeouts, lost, retried)
  select
    hour, name, service, type, trigger, coalesce(successes, 0), coalesce(skipped, 0), coalesce(cancelled, 0),
    coalesce(errors, 0), coalesce(timeouts, 0), coalesce(lost, 0), coalesce(retried, 0)
  from jsonb_populate_recordset(null::joblog.job_hour, %(hours)s::jsonb)
  order by hour, name, service, type, trigger
  on conflict (hour, name, service, type, trigger) do update set
    successes = stored.successes + excluded.successes,
    skipped = stored.skipped + excluded.skipped,
    cancelled = stored.cancelled + excluded.cancelled,
    errors = stored.errors + excluded.errors,
    timeouts = stored.timeouts + excluded.timeouts,
    lost = stored.lost + excluded.lost,
    retried = stored.retried + excluded.retried
),
durations as (
  insert into joblog.job_duration as stored (day, name, service, bucket, runs, low_ms, high_ms)
  select day, name, service, bucket, runs, low_ms, high_ms
  from jsonb_populate_recordset(null::joblog.job_duration, %(durations)s::jsonb)
  order by name, service, day, bucket
  on conflict (name, service, day, bucket) do update set
    runs = stored.runs + excluded.runs,
    low_ms = least(stored.low_ms, excluded.low_ms),
    high_ms = greatest(stored.high_ms, excluded.high_ms)
)
insert into joblog.job_error_day as stored (day, name, service, error_group, runs, first_at, last_at, type, message)
select day, name, service, error_group, runs, first_at, last_at, type, message
from jsonb_populate_recordset(null::joblog.job_error_day, %(errors)s::jsonb)
order by error_group, name, service, day
on conflict (error_group, name, service, day) do update set
  runs = stored.runs + excluded.runs,
  first_at = least(stored.first_at, excluded.first_at),
  last_at = greatest(stored.last_at, excluded.last_at);
