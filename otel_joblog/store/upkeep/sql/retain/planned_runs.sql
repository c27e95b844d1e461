-- The runs that are next to be deleted.
select due.trace_id, due.span_id from joblog.job_due as due
join joblog.job_run as run on run.trace_id = due.trace_id and run.span_id = due.span_id
order by run.started_at, due.trace_id, due.span_id;
