-- As histogram_days.sql, by the hour.
select
  hour, sum(successes)::bigint as successes, sum(errors)::bigint as errors, sum(timeouts)::bigint as timeouts,
  sum(lost)::bigint as lost, sum(retried)::bigint as retried, sum(skipped)::bigint as skipped,
  sum(cancelled)::bigint as cancelled
from joblog.job_hour
where hour >= %(since)s::timestamptz and hour < %(until)s::timestamptz
  and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  and (%(names)s::text[] is null or name = any(%(names)s))
  and (%(services)s::text[] is null or service = any(%(services)s))
  and (%(types)s::text[] is null or type = any(%(types)s))
group by hour
order by hour;
