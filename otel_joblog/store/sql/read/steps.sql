-- Steps and other spans of a run, by start; "service" is whose span it is, where somebody said.
select
  span_id, parent_span_id, kind, name, seq, stage, task_id, status, status_message, started_at, ended_at,
  error_type, error_message, error_stacktrace, attributes,
  (select service from joblog.job_process where process_id = step.process_id) as service
from joblog.job_step as step
where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = %(span_id)s
order by started_at, seq, span_id
limit %(limit)s;
