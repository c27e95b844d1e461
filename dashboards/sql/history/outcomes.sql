-- The worst that happened to a job in each stretch of time, as the code of a status; of the 100 jobs that failed most.
with stretch as (
  select
    date_bin('$__interval', at, 'epoch') as "time",
    job as metric,
    sum(successes + skipped + cancelled + errors + timeouts + lost + retried)::int as runs,
    sum(errors + timeouts + lost)::int as failures,
    max(case
      when lost > 0 then 7
      when timeouts > 0 then 6
      when errors > 0 then 5
      when cancelled > 0 then 4
      when successes > 0 then 2
      when skipped > 0 then 1  -- better than a success, and has the code 3
      else 0  -- retried, which says nothing yet, and has the code 8
    end) as worst
  from joblog.job_counts($__timeFrom(), $__timeTo())
  where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
  group by 1, 2
)
select "time", metric, case worst when 1 then 3 when 0 then 8 else worst end as value
from stretch
where metric in (select metric from stretch group by metric order by sum(failures) desc, sum(runs) desc, metric limit 100)
order by 1
