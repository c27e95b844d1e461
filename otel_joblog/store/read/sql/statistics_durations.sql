-- Percentiles of durations from a day to another: by day, and together.
select
  day, day is null as all_days,
  min(joblog.bucket_percentile(50, runs, upto, total, low_ms, high_ms)) / 1000 as p50,
  min(joblog.bucket_percentile(95, runs, upto, total, low_ms, high_ms)) / 1000 as p95,
  min(joblog.bucket_percentile(99, runs, upto, total, low_ms, high_ms)) / 1000 as p99
from (
  select
    day, sum(runs) as runs, sum(sum(runs)) over (partition by day order by bucket) as upto,
    sum(sum(runs)) over (partition by day) as total,
    min(coalesce(low_ms, joblog.bucket_ms(bucket))) as low_ms,
    max(coalesce(high_ms, joblog.bucket_ms(bucket + 1))) as high_ms
  from joblog.job_duration
  where day between %(since)s::date and %(until)s::date
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(job)s::text is null or name = %(job)s)
    and (%(service)s::text is null or service = %(service)s)
  group by grouping sets ((day, bucket), (bucket))
) as buckets
group by day
order by day;
