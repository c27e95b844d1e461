select holds as "Holds", sum(bytes)::bigint as "On disk"
from joblog.store_size
group by holds
order by 2 desc
