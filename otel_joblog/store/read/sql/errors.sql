-- The most frequent kinds of failure since a day, without retried runs, with the jobs that failed so and the latest run that did.
select kinds.*, latest.trace_id, latest.span_id
from (
  select
    error_group, sum(runs)::bigint as runs, min(first_at) as first_at, max(last_at) as last_at, max(type) as type,
    max(message) as message, (array_agg(distinct name))[:5] as jobs, count(distinct name) as number_of_jobs
  from joblog.job_error_day
  where day between %(since)s::date and %(until)s::date
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(job)s::text is null or name = %(job)s)
    and (%(service)s::text is null or service = %(service)s)
  group by error_group
  order by runs desc, last_at desc, error_group
  limit %(limit)s
) as kinds
left join lateral (
  select trace_id, span_id
  from joblog.job_run
  where error_group = kinds.error_group and started_at = kinds.last_at and next_trace_id is null
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(job)s::text is null or name = %(job)s)
    and (%(service)s::text is null or service = %(service)s)
  limit 1
) as latest on true
order by runs desc, last_at desc, error_group;
