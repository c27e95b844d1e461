-- The runs that pass, among so many of the newest, by the stretch of time that they began in and how they ended. "looked_until"
-- is the start of the last that was looked at, if there may be more.
select
  date_bin(%(width)s::interval, started_at, %(origin)s::timestamptz) as bin,
  count(*) filter (where passes and status = 2) as successes,
  count(*) filter (where passes and status = 5 and not retried) as errors,
  count(*) filter (where passes and status = 6 and not retried) as timeouts,
  count(*) filter (where passes and status = 7 and not retried) as lost,
  count(*) filter (where passes and retried) as retried,
  count(*) filter (where passes and status = 3) as skipped,
  count(*) filter (where passes and status = 4) as cancelled,
  min(started_at) filter (where place = %(looked)s) as looked_until
from (
{passing}
) as passing
group by bin
order by bin;
