-- One step or other span of a run, whole.
select
  span_id, parent_span_id, kind, name, seq, stage, task_id, status, status_message, started_at, ended_at,
  error_type, error_message, error_stacktrace, attributes, false as cut,
  (select service from joblog.job_process where process_id = step.process_id) as service
from joblog.job_step as step
where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = %(run)s
  and span_id = %(step)s
order by started_at
limit 1;
