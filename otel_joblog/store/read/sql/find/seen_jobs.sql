-- The names of the jobs that may be seen, so many at most; and whether their runs are so few of all that labels lead to
-- them sooner than the time does.
select
  (array_agg(distinct name) filter (where visible))[:%(limit)s::int] as names,
  coalesce(sum(runs) filter (where visible), 0) * 10 <= coalesce(sum(runs), 0) as few
from (
  select name, runs + 1 as runs, name like any(%(seen)s::text[]) or service like any(%(seen)s) as visible
  from joblog.job
) as known;
