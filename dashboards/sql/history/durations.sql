-- Up to four days exactly, from the runs; beyond by UTC day, from the statistics.
with day as (
  select day, bucket, sum(runs) as runs, min(shortest_s) as shortest_s, max(longest_s) as longest_s
  from joblog.job_duration_histogram
  where $__timeFilter(day) and service in ($service) and job in ($job)
    and $__timeTo()::timestamptz - $__timeFrom()::timestamptz > interval '4 days'
  group by day, bucket
),
upto as (
  select
    day, runs, sum(runs) over (partition by day order by bucket) as upto, sum(runs) over (partition by day) as total,
    shortest_s, longest_s
  from day
),
longest as (
  select day, max(longest_s) as longest_s
  from joblog.job_daily
  where $__timeFilter(day) and service in ($service) and job in ($job)
    and $__timeTo()::timestamptz - $__timeFrom()::timestamptz > interval '4 days'
  group by day
)
select
  date_bin('$__interval', started_at, 'epoch') as "time",
  percentile_disc(0.5) within group (order by duration_s) as p50,
  percentile_disc(0.95) within group (order by duration_s) as p95,
  max(duration_s) as longest
from joblog.job_history
where $__timeFilter(started_at) and status in ('success', 'error', 'timeout') and service in ($service)
  and job in ($job) and type in ($type) and trigger in ($trigger)
  and $__timeTo()::timestamptz - $__timeFrom()::timestamptz <= interval '4 days'
group by 1
union all
select
  day::timestamp at time zone 'UTC',
  min(joblog.bucket_percentile(50, runs, upto, total, shortest_s, longest_s)),
  min(joblog.bucket_percentile(95, runs, upto, total, shortest_s, longest_s)),
  (select longest.longest_s from longest where longest.day = upto.day)
from upto
group by day
order by 1
