-- The names of jobs that are like one of some patterns.
select distinct name from joblog.job where name like any(%(patterns)s) limit %(limit)s;
