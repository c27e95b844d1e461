-- A clean-up begins, or one that has not ended goes on. The later days are noted: runs may have gone by them.
with resumed as (
  update joblog.job_cleanup set
    before = greatest(before, %(before)s), failures_before = greatest(failures_before, %(failures_before)s)
  where ended_at is null
  returning 1
)
insert into joblog.job_cleanup (started_at, before, failures_before)
select clock_timestamp(), %(before)s, %(failures_before)s
where not exists (select from resumed);
