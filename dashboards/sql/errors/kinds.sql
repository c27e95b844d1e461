-- Failures of the same kind, by whole UTC days.
select
  max(error_type) as "Type",
  max(message) as "Message",
  sum(runs)::bigint as "Runs",
  count(distinct (job, service)) as "Jobs",
  min(first_seen_at) as "First seen",
  max(last_seen_at) as "Last seen",
  left(string_agg(distinct job, ', ' order by job), 200) as "Which jobs",
  lpad(to_hex(error_group), 16, '0') as "Kind"
from joblog.job_errors
where $__timeFilter(day) and service in ($service) and job in ($job)
group by error_group
order by 3 desc, 6 desc
limit 100
