-- Ended runs an hour, of the eight jobs that ran most and of the others together.
with stretch as (
  select
    date_bin('$__interval', at, 'epoch') as "time",
    job,
    sum(successes + skipped + cancelled + errors + timeouts + lost + retried)::int as runs
  from joblog.job_counts($__timeFrom(), $__timeTo())
  where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
  group by 1, 2
),
most as (
  select job from stretch group by job order by sum(runs) desc, job limit 8
)
select
  "time",
  coalesce(most.job, 'all others') as metric,
  sum(runs)::double precision * 3600000 / $__interval_ms as value
from stretch
left join most using (job)
group by 1, 2
order by 1, 2
