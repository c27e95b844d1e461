-- Days before a day that may hold more than is to stay, oldest first, with the size of their tables.
select to_date(right(day.relname, 8), 'YYYYMMDD') as day, sum(pg_total_relation_size(day.oid))::bigint as bytes
from pg_catalog.pg_inherits
join pg_catalog.pg_class as day on day.oid = inhrelid
where inhparent in ('joblog.job_log'::regclass, 'joblog.job_step'::regclass, 'joblog.job_sample'::regclass)
  and day.relname ~ '_\d{8}$' and to_date(right(day.relname, 8), 'YYYYMMDD') < %(before)s
  and not exists (select from joblog.job_swept as swept where swept.day = to_date(right(relname, 8), 'YYYYMMDD'))
group by 1
order by 1;
