-- Processes of which no run is left, at most so many.
delete from joblog.job_process
where process_id in (
  select process_id from joblog.job_process as process
  where started_at < %(before)s::date::timestamp at time zone 'UTC'
    and not exists (select from joblog.job_run as run where run.process_id = process.process_id)
    and not exists (select from joblog.job_live as live where live.process_id = process.process_id)
  limit %(limit)s
);
