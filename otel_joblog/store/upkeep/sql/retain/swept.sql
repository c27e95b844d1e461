-- A day holds nothing any more but what is to stay, if it is still there.
with told as (
  update joblog.job_cleanup set days = days + 1, bytes = bytes + %(bytes)s where ended_at is null
)
insert into joblog.job_swept (day)
select %(day)s::date
where exists (
  select from pg_catalog.pg_class
  where relnamespace = 'joblog'::regnamespace and relname = any(%(names)s)
)
on conflict do nothing;
