-- The statistics of all runs, as the writer would have kept them.
create temporary table ended as
select
  (started_at at time zone 'UTC')::date as day, name, service, type, trigger, status, started_at, error_group, error_type,
  status_message, case when status in (2, 5, 6) then round(1000 * extract(epoch from ended_at - started_at))::bigint end as ms
from joblog.job_run;

insert into joblog.job
select
  name, service, count(*) filter (where status > 1), count(*) filter (where status >= 5), count(ms), sum(ms),
  max(started_at), max(started_at) filter (where status = 2)
from ended group by name, service;

insert into joblog.job_day
select
  day, name, service, type, count(*) filter (where status = 2), count(*) filter (where status = 3),
  count(*) filter (where status = 4), count(*) filter (where status = 5), count(*) filter (where status = 6),
  count(*) filter (where status = 7), coalesce(sum(ms), 0), max(ms)
from ended where status > 1 group by day, name, service, type;

insert into joblog.job_hour
select
  date_trunc('hour', started_at), name, service, type, trigger, count(*) filter (where status = 2),
  count(*) filter (where status = 3), count(*) filter (where status = 4), count(*) filter (where status = 5),
  count(*) filter (where status = 6), count(*) filter (where status = 7)
from ended where status > 1 group by 1, 2, 3, 4, 5 order by 1;  -- as they come

insert into joblog.job_duration
select day, name, service, floor(4 * ln(1 + ms::double precision) / ln(2::double precision)), count(*) from ended where ms is not null group by 1, 2, 3, 4;

insert into joblog.job_error_day
select
  day, name, service, error_group, count(*), min(started_at), max(started_at), coalesce(max(error_type), 'lost'),
  regexp_replace(max(status_message), '[0-9]+', '<n>')
from ended where status >= 5 group by day, name, service, error_group;

drop table ended;
