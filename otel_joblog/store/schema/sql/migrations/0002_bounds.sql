-- Percentiles that are exact for few runs, and documents that a list can bound.
alter table joblog.job_duration add column low_ms bigint, add column high_ms bigint;

-- Where a bucket of joblog.job_duration begins, in milliseconds.
create function joblog.bucket_ms(bucket int) returns double precision
  language sql immutable parallel safe
  return power(2, bucket / 4.0::double precision) - 1;

-- A percentile of runs in buckets: to be asked of each bucket, with its runs, those up to it, all of them, and its shortest
-- and longest; the least of the answers is meant. The runs of a bucket are taken to be evenly between its shortest and its
-- longest: one or two of them are exactly these.
create function joblog.bucket_percentile(
  percent int, runs double precision, upto double precision, total double precision,
  low double precision, high double precision) returns double precision
  language sql immutable parallel safe
  return case when upto * 100 >= total * percent then
    low + (high - low) * (greatest(1, ceil(total * percent / 100) - (upto - runs)) - 1) / greatest(1, runs - 1)
  end;

-- Bytes of a document. How many a compressed one has is seen by unpacking it only, and that can be a hundred times as many.
create function joblog.json_bytes(document jsonb) returns int
  language sql stable parallel safe
  return case
    when document is null then 0
    when pg_column_compression(document) is null then pg_column_size(document)
    else octet_length(document::text)
  end;

-- An object for a list: whole up to so many bytes; of a larger one the members that fit, our own first and small ones before
-- large ones.
create function joblog.short_json(document jsonb, bytes int) returns jsonb
  language sql stable parallel safe
  return case when joblog.json_bytes(document) <= bytes then document else (
    select coalesce(jsonb_object_agg(key, value), '{}')
    from (
      select key, value, sum(size) over (order by not starts_with(key, 'joblog.'), size, key) as upto
      from (
        select key, value, octet_length(key) + octet_length(value::text) as size from jsonb_each(document)
      ) as members
    ) as summed
    where upto <= bytes
  ) end;

-- What was counted before has been somewhere in its bucket, and no longer than the longest of its day.
update joblog.job_duration as counted set
  low_ms = least(ceil(joblog.bucket_ms(bucket)), longest.ms),
  high_ms = least(ceil(joblog.bucket_ms(bucket + 1)) - 1, longest.ms)
from (
  select name, service, day, max(longest_ms) as ms from joblog.job_day group by name, service, day
) as longest
where longest.name = counted.name and longest.service = counted.service and longest.day = counted.day;

create or replace view joblog.job_duration_histogram as
select
  day,
  name as job,
  service,
  bucket,
  (power(2, bucket / 4.0::double precision) - 1) / 1000 as from_s,
  (power(2, (bucket + 1) / 4.0::double precision) - 1) / 1000 as to_s,
  runs,
  coalesce(low_ms, joblog.bucket_ms(bucket)) / 1000 as shortest_s,
  coalesce(high_ms, joblog.bucket_ms(bucket + 1)) / 1000 as longest_s
from joblog.job_duration;

create or replace view joblog.job_durations as
select
  day,
  name as job,
  service,
  max(total)::bigint as runs,
  min(joblog.bucket_percentile(50, runs, upto, total, low_ms, high_ms)) / 1000 as p50_s,
  min(joblog.bucket_percentile(95, runs, upto, total, low_ms, high_ms)) / 1000 as p95_s,
  min(joblog.bucket_percentile(99, runs, upto, total, low_ms, high_ms)) / 1000 as p99_s
from (
  select
    day, name, service, runs,
    sum(runs) over (partition by name, service, day order by bucket) as upto,
    sum(runs) over (partition by name, service, day) as total,
    coalesce(low_ms, joblog.bucket_ms(bucket)) as low_ms,
    coalesce(high_ms, joblog.bucket_ms(bucket + 1)) as high_ms
  from joblog.job_duration
) as summed
group by day, name, service;

drop function joblog.bucket_seconds(smallint);

comment on column joblog.job_duration_histogram.shortest_s is 'seconds, of the shortest of these runs';
comment on column joblog.job_duration_histogram.longest_s is 'seconds, of the longest of these runs';
comment on view joblog.job_durations is
  'Percentiles in seconds of the durations by UTC day and job: exact for few runs, within 19 % for many. Successes, errors and timeouts count. Bound day.';

-- Runs of a type, newest first.
create index job_run_type on joblog.job_run (type, started_at);
