-- Where runs were lost, as marks in the time series.
select
  started_at as "time",
  ended_at as "timeEnd",
  job || ' was lost: ' || left(status_message, 500) as text,
  service as tags
from joblog.job_history
where $__timeFilter(started_at) and failed and status = 'lost' and service in ($service) and job in ($job)
  and type in ($type) and trigger in ($trigger)
order by started_at desc
limit 100
