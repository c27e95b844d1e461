select day::timestamp at time zone 'UTC' as "time", holds as metric, bytes as value
from joblog.store_size
where $__timeFilter(day)
order by 1, 2
