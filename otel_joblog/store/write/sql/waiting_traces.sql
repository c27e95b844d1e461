-- Which of these traces have something that waits.
select trace_id from joblog.job_waiting where trace_id = any(%(trace_ids)s::uuid[]);
