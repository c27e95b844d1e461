-- The indexes together, how many were left half made, the database's size, and how many runs are held.
select
  pg_database_size(current_database()) as database_bytes,
  coalesce(sum(pg_relation_size(indexrelid)), 0)::bigint as bytes,
  count(*) filter (where not indisvalid) as broken,
  (select count(*) from (select from joblog.job_hold limit 100000) as bounded) as held
from pg_catalog.pg_index
join pg_catalog.pg_class on pg_class.oid = indexrelid
where relnamespace = 'joblog'::regnamespace and relkind = 'i';
