-- When the ended runs begin that were never deleted: the statistics count earlier ones, too. Null where none ever was.
select max(before)::timestamp at time zone 'UTC' from joblog.job_cleanup;
