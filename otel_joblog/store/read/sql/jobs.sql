-- A page of jobs by name, with their latest run, their schedule, and how they fared since a day.
select
  job.*, latest.trace_id, latest.span_id, latest.status, latest.type, left(latest.owner, 500) as owner,
  streak.failures_in_a_row, left(coalesce(latest.schedule, due.schedule), 500) as schedule, due.timezone,
  left(due.problem, 1000) as problem, due.next_due_at, due.last_due_at,
  due.last_due_verdict, due.missed_7d, due.open_since,
  recent.counted, recent.ended, recent.failed, recent.retried, recent.recent_timed, recent.recent_ms, durations.p50, durations.p95
from (
  select * from joblog.job
  where (%(job)s::text is null or name = %(job)s)
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(service)s::text is null or service = %(service)s)
    and (%(part)s::text is null or name ilike %(part)s)
    and (%(after_name)s::text is null or (name, service) > (%(after_name)s, %(after_service)s))
  order by name, service
  limit %(limit)s
) as job
left join lateral (
  select trace_id, span_id, status, type, schedule, owner
  from joblog.job_run
  where name = job.name and service = job.service and started_at <= job.last_run_at
  order by started_at desc, trace_id desc, span_id desc
  limit 1
) as latest on true
left join lateral (
  select schedule, timezone, problem, next_due_at, last_due_at, last_due_verdict, missed_7d, open_since
  from joblog.job_schedules as known
  where known.job = job.name and known.service = job.service
  limit 1
) as due on true
cross join lateral (
  select count(*) as failures_in_a_row
  from (
    select from joblog.job_run
    where name = job.name and service = job.service and status >= 5 and next_trace_id is null
      and started_at > coalesce(job.last_success_at, '-infinity')
    limit 100
  ) as since_success
) as streak
cross join lateral (
  select
    sum(successes + errors + timeouts + lost) as counted,
    sum(successes + skipped + cancelled + errors + timeouts + lost + retried) as ended,
    sum(errors + timeouts + lost) as failed, sum(retried) as retried, sum(timed) as recent_timed,
    sum(duration_ms) as recent_ms
  from joblog.job_day
  where name = job.name and service = job.service and day between %(since)s::date and %(until)s::date
) as recent
cross join lateral (
  select
    min(joblog.bucket_percentile(50, runs, upto, total, low_ms, high_ms)) / 1000 as p50,
    min(joblog.bucket_percentile(95, runs, upto, total, low_ms, high_ms)) / 1000 as p95
  from (
    select
      sum(runs) as runs, sum(sum(runs)) over (order by bucket) as upto, sum(sum(runs)) over () as total,
      min(coalesce(low_ms, joblog.bucket_ms(bucket))) as low_ms,
      max(coalesce(high_ms, joblog.bucket_ms(bucket + 1))) as high_ms
    from joblog.job_duration
    where name = job.name and service = job.service and day between %(since)s::date and %(until)s::date
    group by bucket
  ) as buckets
) as durations
order by job.name, job.service;
