-- Days of lines before a day that lack their text index, newest first, and whether there is one that was left half made.
select day.relname as name, index.indexrelid is not null as half_made
from pg_catalog.pg_inherits
join pg_catalog.pg_class as day on day.oid = inhrelid
left join (
  select indrelid, indexrelid, indisvalid, relname
  from pg_catalog.pg_index
  join pg_catalog.pg_class on pg_class.oid = indexrelid
) as index on index.indrelid = day.oid and index.relname = day.relname || '_text'
where inhparent = 'joblog.job_log'::regclass and day.relname ~ '^job_log_\d{8}$'
  and day.relname < 'job_log_' || to_char(%(before)s::date, 'YYYYMMDD')
  and index.indisvalid is not true
order by day.relname desc;
