-- The runs of job_due are on their way to a file; null: they are there; empty: they go to none.
update joblog.job_cleanup set archive = %(archive)s where ended_at is null;
