-- Where there is no schedule, the usual pause is the average between two starts, in the time shown, read from hours.
with pauses as (
  select
    job, service,
    nullif(extract(epoch from max(hour) - min(hour)), 0)::double precision / nullif(sum(runs) - 1, 0) as average_s
  from joblog.job_hourly
  where $__timeFilter(hour) and service in ($service) and job in ($job)
  group by job, service
)
select
  health.job as "Job",
  health.service as "Service",
  health.last_status as "Last status",
  health.failures_in_a_row as "Failed in a row",
  health.last_due_verdict as "Last due",
  health.open_since as "Still runs since",
  health.missed_7d as "Missed, 7 days",
  health.success_age_s as "Since last success",
  extract(epoch from now() - health.last_run_at)::double precision as "Since last start",
  coalesce(health.due_pause_s, pauses.average_s) as "Pause",
  health.success_age_s / coalesce(health.due_pause_s, pauses.average_s) as "Success age in pauses",
  health.schedule || coalesce(' · ' || health.schedule_problem, '') as "Schedule",
  health.next_due_at as "Next due",
  health.success_rate_7d as "Success rate, 7 days",
  health.average_s as "Takes",
  health.owner as "Owner",
  health.last_run_id as "Run"
from joblog.job_health as health
left join pauses on pauses.job = health.job and pauses.service = health.service
where health.service in ($service) and health.job in ($job) and (health.type is null or health.type in ($type))
  and (health.trigger is null or health.trigger in ($trigger))
order by
  health.last_due_verdict in ('late', 'missed') desc nulls last,
  health.failures_in_a_row desc,
  health.success_age_s desc nulls first,
  health.job
limit 500
