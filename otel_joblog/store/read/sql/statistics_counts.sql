-- Counts of ended runs since a day: by day, by type, and together.
select
  day, type, grouping(day) = 1 as all_days, grouping(type) = 1 as all_types,
  coalesce(sum(successes), 0)::bigint as successes, coalesce(sum(skipped), 0)::bigint as skipped,
  coalesce(sum(cancelled), 0)::bigint as cancelled, coalesce(sum(errors), 0)::bigint as errors,
  coalesce(sum(timeouts), 0)::bigint as timeouts, coalesce(sum(lost), 0)::bigint as lost,
  coalesce(sum(retried), 0)::bigint as retried, coalesce(sum(timed), 0)::bigint as timed,
  coalesce(sum(duration_ms), 0)::bigint as duration_ms, max(longest_ms) as longest_ms,
  coalesce(sum(cpu_runs), 0)::bigint as cpu_runs, coalesce(sum(cpu_ms), 0)::bigint as cpu_ms,
  max(memory_peak) as memory_peak
from joblog.job_day
where day between %(since)s::date and %(until)s::date
  and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  and (%(job)s::text is null or name = %(job)s)
  and (%(service)s::text is null or service = %(service)s)
group by grouping sets ((day), (type), ())
order by day, type;
