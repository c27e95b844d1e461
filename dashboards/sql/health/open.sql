-- Open runs beside what they may take: what was declared, or else twice what nearly all runs of their job took.
select
  case
    when active.unresponsive then 'unresponsive'
    when active.overlong then 'too long'
    when active.status = 'pending' then 'waiting'
    else 'as usual'
  end as "Remark",
  active.job as "Job",
  active.service as "Service",
  active.status as "Status",
  active.elapsed_s as "For",
  active.usual_p50_s as "Usually",
  active.time_limit_s as "Should take at most",
  extract(epoch from now() - active.last_beat_at)::double precision as "Since last heartbeat",
  extract(epoch from now() - active.last_seen_at)::double precision as "Since last sign of life",
  extract(epoch from now() - active.last_heard_at)::double precision as "Nothing heard for",
  active.host as "Host",
  active.pid::text as "Process",
  active.run_id as "Run",
  active.trace_id as "Trace",
  (floor(extract(epoch from active.started_at) * 1000) - 1000)::bigint::text as "From",
  (ceil(extract(epoch from now()) * 1000) + 1000)::bigint::text as "To"
from joblog.active_jobs as active
where active.service in ($service) and active.job in ($job) and active.type in ($type) and active.trigger in ($trigger)
order by
  active.unresponsive desc nulls last,
  active.elapsed_s / active.time_limit_s desc nulls last,
  active.started_at
limit 200
