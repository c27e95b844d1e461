select
  date_bin('$__interval', at, 'epoch') as "time",
  coalesce(sum(successes) filter (where 'success' in ($status)), 0)::bigint as success,
  coalesce(sum(skipped) filter (where 'skipped' in ($status)), 0)::bigint as skipped,
  coalesce(sum(cancelled) filter (where 'cancelled' in ($status)), 0)::bigint as cancelled,
  coalesce(sum(errors) filter (where 'error' in ($status)), 0)::bigint as error,
  coalesce(sum(timeouts) filter (where 'timeout' in ($status)), 0)::bigint as timeout,
  coalesce(sum(lost) filter (where 'lost' in ($status)), 0)::bigint as lost,
  coalesce(sum(retried) filter (where 'retried' in ($status)), 0)::bigint as retried
from joblog.job_counts($__timeFrom(), $__timeTo())
where service in ($service) and job in ($job) and type in ($type) and trigger in ($trigger)
group by 1
order by 1
