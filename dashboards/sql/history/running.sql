select
  count(*) filter (where status = 'running') as "Running",
  count(*) filter (where status = 'pending') as "Pending"
from joblog.active_jobs
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
