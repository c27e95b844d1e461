-- The jobs that failed most often since a day, and those that take the longest on average: so many of each.
with figures as (
  select
    name, service, sum(successes + skipped + cancelled + errors + timeouts + lost + retried) as ended,
    sum(successes + errors + timeouts + lost) as counted, sum(errors + timeouts + lost) as failed, sum(retried) as retried,
    sum(duration_ms) / nullif(sum(timed), 0) / 1000.0::double precision as average,
    max(longest_ms) / 1000.0::double precision as longest
  from joblog.job_day
  where day between %(since)s::date and %(until)s::date
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
  group by name, service
),
failing as (
  select 'failing' as list, * from figures where failed > 0 order by failed desc, name, service limit %(limit)s
),
slowest as (
  select 'slowest' as list, * from figures where average is not null order by average desc, name, service limit %(limit)s
)
select * from failing union all select * from slowest;
