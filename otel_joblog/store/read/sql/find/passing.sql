-- The keys of the runs that pass, newest first, among so many; and of the last of these, though it does not
-- pass: there a next page goes on. What a text is like is escaped, unless it is a pattern. "usual" is how long the runs of
-- each job took that ended in the last days; only slow ones ask for it.
with usual as materialized (
  select job.name, job.service, durations.*
  from (select distinct name, service from ({runs}) as looked_at) as job
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
      where name = job.name and service = job.service and day >= %(usual_since)s::date
      group by bucket
    ) as buckets
  ) as durations
)
select
  run.started_at, run.trace_id, run.span_id, run.place, judged.passes, run.status,
  run.status >= 5 and run.next_trace_id is not null as retried
from (select *, row_number() over () as place from ({runs}) as found) as run
left join usual on %(slow)s and usual.name = run.name and usual.service = run.service
cross join lateral (
  select coalesce(
    (%(seen)s::text[] is null or run.name like any(%(seen)s) or run.service like any(%(seen)s))
    and (%(name_like)s::text[] is null or run.name like any(%(name_like)s))
    and (%(name_unlike)s::text[] is null or not run.name like any(%(name_unlike)s))
    and (%(service_like)s::text[] is null or run.service like any(%(service_like)s))
    and (%(service_unlike)s::text[] is null or not run.service like any(%(service_unlike)s))
    and (%(type_like)s::text[] is null or type like any(%(type_like)s))
    and (%(type_unlike)s::text[] is null or not type like any(%(type_unlike)s))
    and (%(host_like)s::text[] is null or host like any(%(host_like)s))
    and (%(host_unlike)s::text[] is null or not host like any(%(host_unlike)s))
    and (%(trigger_like)s::text[] is null or trigger like any(%(trigger_like)s))
    and (%(trigger_unlike)s::text[] is null or not trigger like any(%(trigger_unlike)s))
    and (%(reference_like)s::text[] is null or reference like any(%(reference_like)s))
    and (%(reference_unlike)s::text[] is null or reference is null or not reference like any(%(reference_unlike)s))
    and (%(statuses)s::smallint[] is null or status = any(%(statuses)s))
    and (%(retried)s::boolean is null or (status >= 5 and next_trace_id is not null) = %(retried)s)
    and (%(error_groups)s::bigint[] is null or error_group = any(%(error_groups)s))
    and (%(error_groups_not)s::bigint[] is null or error_group is null or error_group <> all(%(error_groups_not)s))
    and (%(attempt_from)s::int is null or attempt >= %(attempt_from)s)
    and (%(attempt_to)s::int is null or attempt <= %(attempt_to)s)
    and (%(longer)s::interval is null or coalesce(ended_at, now()) - run.started_at > %(longer)s)
    and (%(shorter)s::interval is null or coalesce(ended_at, now()) - run.started_at < %(shorter)s)
    and (%(attributes_1)s::jsonb[] is null or run.attributes @> any(%(attributes_1)s))
    and (%(attributes_2)s::jsonb[] is null or run.attributes @> any(%(attributes_2)s))
    and (%(attributes_3)s::jsonb[] is null or run.attributes @> any(%(attributes_3)s))
    and (%(attributes_not)s::jsonb[] is null or run.attributes is null or not run.attributes @> any(%(attributes_not)s))
    and (%(attributes_like)s::jsonb is null or not exists (
      select from jsonb_each(%(attributes_like)s) as wanted
      where not exists (
        select from jsonb_array_elements_text(wanted.value) as alike
        where joblog.has_attribute(run.attributes, wanted.key, alike))))
    and (%(attributes_unlike)s::jsonb is null or not exists (
      select from jsonb_each(%(attributes_unlike)s) as unwanted, jsonb_array_elements_text(unwanted.value) as alike
      where joblog.has_attribute(run.attributes, unwanted.key, alike)))
    and (%(texts)s::text[] is null or left(concat_ws(
        E'\n', run.name, reference, error_type, coalesce(error_message, status_message)), 4000) ilike all(%(texts)s))
    and (%(texts_not)s::text[] is null or not left(concat_ws(
        E'\n', run.name, reference, error_type, coalesce(error_message, status_message)), 4000) ilike any(%(texts_not)s))
    and (not %(slow)s or extract(epoch from coalesce(ended_at, now()) - run.started_at)
      > joblog.time_limit_s(expected_s, usual.runs, usual.p95_s))
    and (not %(unresponsive)s or (status = 1 and exists (
      select from joblog.job_live as live
      where live.process_id = run.process_id
        and greatest(run.started_at, run.last_at, run.progress_at, live.beat_at) <= now() - interval '30 seconds'))),
    false) as passes
) as judged
where judged.passes or run.place = %(looked)s
limit %(limit)s
