-- A clean-up has ended. Those of more than a year ago are forgotten.
with forgotten as (
  delete from joblog.job_cleanup where started_at < now() - interval '400 days'
)
update joblog.job_cleanup set ended_at = clock_timestamp() where ended_at is null
returning started_at, ended_at, before, failures_before, runs, lines, days, bytes;
