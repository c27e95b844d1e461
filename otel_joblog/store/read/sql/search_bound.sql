-- Where a stretch of so many lines begins that ends at a time: null where no line comes before that.
select min(ts) as low
from (
  select ts from joblog.job_log
  where ts >= %(low)s and ts < %(high)s
  order by ts desc
  limit %(lines)s
) as stretch;
