-- How long nearly all, 95 of 100, of the runs took that ended since a day, of each of some jobs.
select job.name, job.service, durations.runs, durations.p95_s
from unnest(%(names)s::text[], %(services)s::text[]) as job (name, service)
cross join lateral (
  select
    sum(runs)::bigint as runs,
    min(joblog.bucket_percentile(95, runs, upto, total, low_ms, high_ms)) / 1000 as p95_s
  from (
    select
      sum(runs) as runs, sum(sum(runs)) over (order by bucket) as upto, sum(sum(runs)) over () as total,
      min(coalesce(low_ms, joblog.bucket_ms(bucket))) as low_ms,
      max(coalesce(high_ms, joblog.bucket_ms(bucket + 1))) as high_ms
    from joblog.job_duration
    where name = job.name and service = job.service and day >= %(since)s::date
    group by bucket
  ) as buckets
) as durations
where durations.runs > 0
  and (%(seen)s::text[] is null or job.name like any(%(seen)s) or job.service like any(%(seen)s));
