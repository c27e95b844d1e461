-- Kinds of failure that one run less failed by, as it was lost no more or retried, after statistics.sql has locked them: when the first and the last of the
-- others began. Those without any are gone. Whoever adds to one of them meanwhile waits for our transaction.
with taken_back as (
  select day, name, service, error_group
  from jsonb_populate_recordset(null::joblog.job_error_day, %(rows)s::jsonb)
),
gone as (
  delete from joblog.job_error_day as stored
  using taken_back
  where stored.error_group = taken_back.error_group and stored.name = taken_back.name
    and stored.service = taken_back.service and stored.day = taken_back.day and stored.runs <= 0
)
update joblog.job_error_day as stored set first_at = others.first_at, last_at = others.last_at
from taken_back
cross join lateral (
  select min(started_at) as first_at, max(started_at) as last_at
  from joblog.job_run
  where error_group = taken_back.error_group and next_trace_id is null and name = taken_back.name and service = taken_back.service
    and started_at >= taken_back.day::timestamp at time zone 'UTC'
    and started_at < (taken_back.day + 1)::timestamp at time zone 'UTC'
) as others
where stored.error_group = taken_back.error_group and stored.name = taken_back.name
  and stored.service = taken_back.service and stored.day = taken_back.day and stored.runs > 0
  and others.first_at is not null;
