-- The names of jobs that are like one of some patterns.
select distinct name from joblog.job
where name like any(%(patterns)s)
  and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
limit %(limit)s;
