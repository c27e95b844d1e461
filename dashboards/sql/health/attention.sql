select
  count(*) as "Jobs",
  count(*) filter (where last_due_verdict in ('late', 'missed')) as "Late or missed",
  count(*) filter (where schedule_problem is not null) as "Not expected",
  count(*) filter (where last_status in ('error', 'timeout', 'lost')) as "Failed last time",
  count(*) filter (where failures_in_a_row >= 3) as "Failing thrice or more",
  count(*) filter (where last_success_at is null) as "Never succeeded",
  max(success_age_s) as "Oldest last success"
from joblog.job_health
where service in ($service) and job in ($job) and (type is null or type in ($type))
  and (trigger is null or trigger in ($trigger))
