-- The part of the runs that failed, of the ten jobs with the most failures.
with stretch as (
  select
    date_bin('$__interval', at, 'epoch') as "time",
    job as metric,
    sum(errors + timeouts + lost)::int as failures,
    sum(successes + errors + timeouts + lost)::int as runs
  from joblog.job_counts($__timeFrom(), $__timeTo())
  where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
  group by 1, 2
)
select "time", metric, failures::double precision / runs as value
from stretch
where runs > 0 and metric in (
  select metric from stretch group by metric having sum(failures) > 0 order by sum(failures) desc, metric limit 10)
order by 1, 2
