-- The partition of a day, where it is missing.
select joblog.make_day(%(table)s, %(day)s::date);
