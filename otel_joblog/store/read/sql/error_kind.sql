-- The kind of failure of a run: how often it came since when, in which jobs, and the latest run before that failed so.
select kinds.*, earlier.trace_id, earlier.span_id
from joblog.job_run as run
cross join lateral (
  select
    error_group, sum(runs)::bigint as runs, min(first_at) as first_at, max(last_at) as last_at, max(type) as type,
    max(message) as message, (array_agg(distinct name))[:5] as jobs, count(distinct name) as number_of_jobs
  from joblog.job_error_day
  where error_group = run.error_group
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  group by error_group
) as kinds
left join lateral (
  select trace_id, span_id
  from joblog.job_run as other
  where other.error_group = run.error_group and other.started_at < run.started_at
    and (%(seen)s::text[] is null or other.name like any(%(seen)s) or other.service like any(%(seen)s))
  order by other.started_at desc
  limit 1
) as earlier on true
where run.trace_id = %(trace_id)s and run.span_id = %(span_id)s;
