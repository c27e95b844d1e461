-- Whether the text index can be had, and whether lines lie outside of all days.
select
  exists (select from pg_catalog.pg_extension where extname = 'pg_trgm') as installed,
  exists (select from pg_catalog.pg_available_extensions where name = 'pg_trgm') as available,
  exists (select from joblog.job_log_default) as strays;
