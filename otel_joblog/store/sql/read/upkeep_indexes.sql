-- The indexes together, how many were left half made, the database's size, how many runs are held, and how many jobs have
-- a schedule that is understood, and no due time ahead.
select
  pg_database_size(current_database()) as database_bytes,
  coalesce(sum(pg_relation_size(indexrelid)), 0)::bigint as bytes,
  count(*) filter (where not indisvalid) as broken,
  (select count(*) from (select from joblog.job_hold limit 100000) as bounded) as held,
  (select count(*) from joblog.job_schedule as known where problem is null and not exists (
    select from joblog.job_expected where name = known.name and service = known.service and due_at > now())) as unwatched
from pg_catalog.pg_index
join pg_catalog.pg_class on pg_class.oid = indexrelid
where relnamespace = 'joblog'::regnamespace and relkind = 'i';
