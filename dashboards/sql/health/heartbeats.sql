select
  host as "Host",
  count(*) as "Open runs",
  count(distinct pid) as "Processes",
  count(*) filter (where unresponsive) as "Unresponsive runs",
  extract(epoch from now() - min(last_beat_at))::double precision as "Oldest heartbeat",
  extract(epoch from now() - max(last_beat_at))::double precision as "Newest heartbeat"
from joblog.active_jobs
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
group by host
order by 4 desc, 5 desc nulls last
limit 100
