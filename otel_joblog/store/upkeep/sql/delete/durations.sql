-- As days.sql, of buckets of durations.
with gone as (
  select distinct day, name, service, bucket
  from jsonb_populate_recordset(null::joblog.job_duration, %(durations)s::jsonb)
),
empty as (
  delete from joblog.job_duration as stored
  using gone
  where stored.name = gone.name and stored.service = gone.service and stored.day = gone.day
    and stored.bucket = gone.bucket and stored.runs <= 0
)
update joblog.job_duration as stored set low_ms = rest.low_ms, high_ms = rest.high_ms
from gone
cross join lateral (
  select count(*) as runs, min(ms) as low_ms, max(ms) as high_ms
  from (
    select greatest(0, round(extract(epoch from run.ended_at - run.started_at) * 1000))::bigint as ms
    from joblog.job_run as run
    where run.name = gone.name and run.service = gone.service and run.status in (2, 5, 6)
      and run.started_at >= gone.day::timestamp at time zone 'UTC'
      and run.started_at < (gone.day + 1)::timestamp at time zone 'UTC'
  ) as timed
  where ms >= joblog.bucket_ms(gone.bucket) and ms < joblog.bucket_ms(gone.bucket + 1)
) as rest
where stored.name = gone.name and stored.service = gone.service and stored.day = gone.day
  and stored.bucket = gone.bucket and stored.runs = rest.runs and rest.runs > 0;
