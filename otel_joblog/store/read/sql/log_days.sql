-- The days that lines are kept in, newest first; whether each has its text index; and why there may be none.
select
  to_date(right(day.relname, 8), 'YYYYMMDD') as day,
  exists (
    select from pg_catalog.pg_index
    join pg_catalog.pg_class as index on index.oid = pg_index.indexrelid
    where indrelid = day.oid and indisvalid and index.relname = day.relname || '_text'
  ) as indexed
from pg_catalog.pg_inherits
join pg_catalog.pg_class as day on day.oid = inhrelid
where inhparent = 'joblog.job_log'::regclass and day.relname ~ '^job_log_\d{8}$'
order by day desc;
