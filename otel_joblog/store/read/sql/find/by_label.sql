-- Runs newest first, by labels: all of some, and one of each of some groups. Day after day that has runs, so that no more
-- days are looked at than it takes; "day" has the latest start of each. Each day's runs come in order, and the days do:
-- nothing sorts them again.
select of_day.*
from (
  with recursive day (latest) as (
    (
      select started_at from joblog.job_run
      where (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
        and (%(before_at)s::timestamptz is null or started_at <= %(before_at)s)
      order by started_at desc
      limit 1
    )
    union all
    select (
      select started_at from joblog.job_run
      where (%(since)s::timestamptz is null or started_at >= %(since)s)
        and started_at < date_trunc('day', day.latest, 'UTC')
      order by started_at desc
      limit 1
    )
    from day where day.latest is not null
  )
  select latest, (latest at time zone 'UTC')::date as date from day where latest is not null
) as day
cross join lateral (
  select * from joblog.job_run
  where (%(labels)s::text[] is null or joblog.run_labels(
      started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
      error_message, attributes) @> joblog.labels(day.date, %(labels)s))
    and (%(words)s::text is null or joblog.run_labels(
      started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
      error_message, attributes) @> joblog.labels(day.date, array(select 'word:' || joblog.words(%(words)s))))
    and (%(any_1)s::text[] is null or joblog.run_labels(
      started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
      error_message, attributes) && joblog.labels(day.date, %(any_1)s))
    and (%(any_2)s::text[] is null or joblog.run_labels(
      started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
      error_message, attributes) && joblog.labels(day.date, %(any_2)s))
    and (%(any_3)s::text[] is null or joblog.run_labels(
      started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
      error_message, attributes) && joblog.labels(day.date, %(any_3)s))
    and (%(since)s::timestamptz is null or started_at >= %(since)s)
    and (%(until)s::timestamptz is null or started_at < %(until)s)
    and (%(before_at)s::timestamptz is null
      or (started_at, trace_id, span_id) < (%(before_at)s, %(before_trace)s::uuid, %(before_span)s::bigint))
  order by started_at desc, trace_id desc, span_id desc
  offset 0
) as of_day
limit %(looked)s
