-- What a killed clean-up left: days that were taken out ("old"), and copies that did not yet take their place ("kept").
select substring(relname from '^(job_\w+)_\d{8}_') as "table", to_date(substring(relname from '\d{8}'), 'YYYYMMDD') as day,
  relname like '%%_old' as old
from pg_catalog.pg_class
where relnamespace = 'joblog'::regnamespace and relkind = 'r' and relname ~ '^job_(log|step|sample)_\d{8}_(old|kept)$'
order by relname;
