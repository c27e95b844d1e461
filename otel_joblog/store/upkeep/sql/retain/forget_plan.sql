-- Nothing is planned any more.
delete from joblog.job_due;
