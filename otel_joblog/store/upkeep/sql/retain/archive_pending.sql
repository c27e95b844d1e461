-- The file that the runs of job_due are on their way to; empty: to none.
select archive from joblog.job_cleanup where ended_at is null and archive is not null;
