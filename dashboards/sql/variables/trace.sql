-- The trace of the run.
select trace_id from joblog.job_history
where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run')
