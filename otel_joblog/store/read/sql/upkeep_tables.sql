-- The tables with their sizes; of those by day how many days, what a full day took on the average of the last seven, and
-- the rows that lie outside of all days or in days from before the retention. Rows are the server's estimates.
select
  name, sum(rows)::bigint as rows, sum(bytes)::bigint as bytes, count(day) as days, min(day) as oldest,
  (sum(rows) filter (where recent) / count(*) filter (where recent))::double precision as rows_a_day,
  (sum(bytes) filter (where recent) / count(*) filter (where recent))::double precision as bytes_a_day,
  coalesce(sum(rows) filter (where stray), 0)::bigint as stray_rows,
  coalesce(sum(rows) filter (where old), 0)::bigint as old_rows,
  count(*) filter (where old) as old_days
from (
  select *, day >= %(today)s::date - 7 and day < %(today)s::date as recent,
    day < %(before)s::date and not exists (select from joblog.job_swept as swept where swept.day = part.day) as old
  from (
    select
      coalesce(parent.relname, leaf.relname) as name, greatest(leaf.reltuples, activity.n_live_tup, 0)::bigint as rows,
      pg_total_relation_size(leaf.oid) as bytes, leaf.relname like '%%_default' as stray,
      to_date(substring(leaf.relname from '^job_(?:log|step|sample)_(\d{8})$'), 'YYYYMMDD') as day
    from pg_catalog.pg_class as leaf
    left join pg_catalog.pg_inherits on inhrelid = leaf.oid
    left join pg_catalog.pg_class as parent on parent.oid = inhparent
    left join pg_catalog.pg_stat_all_tables as activity on activity.relid = leaf.oid
    where leaf.relnamespace = 'joblog'::regnamespace and leaf.relkind = 'r'
  ) as part
) as part
group by name
order by bytes desc, name;
