-- Open runs beside what they were declared to take, or else three times what their job takes on average.
select
  case
    when active.unresponsive then 'unresponsive'
    when active.elapsed_s > coalesce(active.expected_s, 3 * health.average_s) then 'too long'
    when active.status = 'pending' then 'waiting'
    else 'as usual'
  end as "Remark",
  active.job as "Job",
  active.service as "Service",
  active.status as "Status",
  active.elapsed_s as "For",
  coalesce(active.expected_s, 3 * health.average_s) as "Should take at most",
  extract(epoch from now() - active.last_beat_at)::double precision as "Since last heartbeat",
  extract(epoch from now() - active.last_seen_at)::double precision as "Since last sign of life",
  active.host as "Host",
  active.pid::text as "Process",
  active.run_id as "Run",
  active.trace_id as "Trace",
  (floor(extract(epoch from active.started_at) * 1000) - 1000)::bigint::text as "From",
  (ceil(extract(epoch from now()) * 1000) + 1000)::bigint::text as "To"
from joblog.active_jobs as active
left join joblog.job_health as health on health.job = active.job and health.service = active.service
where active.service in ($service) and active.job in ($job) and active.type in ($type) and active.trigger in ($trigger)
order by
  active.unresponsive desc nulls last,
  active.elapsed_s / coalesce(active.expected_s, 3 * health.average_s) desc nulls last,
  active.started_at
limit 200
