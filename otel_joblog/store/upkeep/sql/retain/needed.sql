-- Whether today's clean-up, by these days, has yet to be done.
select not exists (
  select from joblog.job_cleanup
  where ended_at >= %(today)s::date::timestamp at time zone 'UTC'
    and before >= %(before)s and failures_before >= %(failures_before)s
);
