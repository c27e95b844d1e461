-- What is left of jobs: hours without a run go, and jobs that nothing is known of any more, with their schedules and due
-- times. The others were seen last when the latest run began that is there.
with gone as (
  select distinct name, service from jsonb_populate_recordset(null::joblog.job, %(jobs)s::jsonb)
),
hours as (
  delete from joblog.job_hour as stored
  using jsonb_populate_recordset(null::joblog.job_hour, %(hours)s::jsonb) as told
  where stored.hour = told.hour and stored.name = told.name and stored.service = told.service and stored.type = told.type
    and stored.trigger = told.trigger
    and stored.successes + stored.skipped + stored.cancelled + stored.errors + stored.timeouts + stored.lost
      + stored.retried <= 0
),
latest as (
  select
    gone.name, gone.service, max(run.started_at) as run_at, max(run.started_at) filter (where run.status = 2) as success_at
  from gone
  left join joblog.job_run as run
    on run.name = gone.name and run.service = gone.service and run.status > 0
      and run.started_at < now() + interval '1 day'
  group by gone.name, gone.service
),
forgotten as (
  delete from joblog.job as stored
  using latest
  where stored.name = latest.name and stored.service = latest.service and stored.runs <= 0 and latest.run_at is null
  returning stored.name, stored.service
),
schedules as (
  delete from joblog.job_schedule as stored
  using forgotten
  where stored.name = forgotten.name and stored.service = forgotten.service
),
due_times as (
  delete from joblog.job_expected as stored
  using forgotten
  where stored.name = forgotten.name and stored.service = forgotten.service
)
update joblog.job as stored set
  last_run_at = coalesce(latest.run_at, stored.last_run_at),
  last_success_at = case when latest.run_at is null then stored.last_success_at else latest.success_at end
from latest
where stored.name = latest.name and stored.service = latest.service and (stored.runs > 0 or latest.run_at is not null);
