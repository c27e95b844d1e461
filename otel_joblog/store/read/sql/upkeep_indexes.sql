-- The indexes together, how many were left half made, the database's size, how many runs are held, how many jobs have a
-- schedule that is understood, and no due time ahead, and how many one with a problem.
select
  pg_database_size(current_database()) as database_bytes,
  coalesce(sum(pg_relation_size(indexrelid)), 0)::bigint as bytes,
  count(*) filter (where not indisvalid) as broken,
  (select count(*) from (select from joblog.job_hold limit 100000) as bounded) as held,
  (select count(*) from joblog.job_schedule as known where problem is null
    and (%(seen)s::text[] is null or known.name like any(%(seen)s) or known.service like any(%(seen)s)) and not exists (
    select from joblog.job_expected where name = known.name and service = known.service and due_at > now())) as unwatched,
  (select count(*) from joblog.job_schedule where problem is not null
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))) as unexpected,
  (select concat_ws(': ', name, problem) from joblog.job_schedule where problem is not null
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s)) order by 1 limit 1) as problem
from pg_catalog.pg_index
join pg_catalog.pg_class on pg_class.oid = indexrelid
where relnamespace = 'joblog'::regnamespace and relkind = 'i';
