-- Percentiles of durations since a day: by day, and together.
select
  day, day is null as all_days,
  joblog.bucket_seconds(min(bucket) filter (where upto * 100 >= total * 50)) as p50,
  joblog.bucket_seconds(min(bucket) filter (where upto * 100 >= total * 95)) as p95,
  joblog.bucket_seconds(min(bucket) filter (where upto * 100 >= total * 99)) as p99
from (
  select
    day, bucket, sum(sum(runs)) over (partition by day order by bucket) as upto,
    sum(sum(runs)) over (partition by day) as total
  from joblog.job_duration
  where day >= %(since)s::date
    and (%(job)s::text is null or name = %(job)s)
    and (%(service)s::text is null or service = %(service)s)
  group by grouping sets ((day, bucket), (bucket))
) as buckets
group by day
order by day;
