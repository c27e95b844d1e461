-- What is left of days after uncount.sql and runs.sql: those without a run go, and of the others the longest run and the most
-- memory are those of the runs that are there. Where some of a day's runs were cleaned up before, these stay as they are.
with gone as (
  select distinct day, name, service, type from jsonb_populate_recordset(null::joblog.job_day, %(days)s::jsonb)
),
empty as (
  delete from joblog.job_day as stored
  using gone
  where stored.name = gone.name and stored.service = gone.service and stored.day = gone.day and stored.type = gone.type
    and stored.successes + stored.skipped + stored.cancelled + stored.errors + stored.timeouts + stored.lost
      + stored.retried <= 0
)
update joblog.job_day as stored set longest_ms = rest.longest_ms, memory_peak = rest.memory_peak
from gone
cross join lateral (
  select
    count(*) as runs,
    max(greatest(0, round(extract(epoch from run.ended_at - run.started_at) * 1000)))::bigint as longest_ms,
    max(
      case when jsonb_typeof(run.attributes -> 'joblog.process.memory.peak') = 'number'
        then (run.attributes ->> 'joblog.process.memory.peak')::numeric end
    ) filter (where (run.attributes ->> 'joblog.process.memory.peak') is not null)::bigint as memory_peak
  from joblog.job_run as run
  where run.name = gone.name and run.service = gone.service and run.type = gone.type and run.status in (2, 5, 6)
    and run.started_at >= gone.day::timestamp at time zone 'UTC'
    and run.started_at < (gone.day + 1)::timestamp at time zone 'UTC'
) as rest
where stored.name = gone.name and stored.service = gone.service and stored.day = gone.day and stored.type = gone.type
  and stored.successes + stored.skipped + stored.cancelled + stored.errors + stored.timeouts + stored.lost + stored.retried > 0
  and stored.timed = rest.runs;
