-- What a tree says of some spans of a run beside their shape.
select
  span_id, left(stage, 500) as stage, left(task_id, 500) as task_id, left(error_type, 500) as error_type,
  left(coalesce(error_message, status_message), 300) as message,
  octet_length(coalesce(error_message, status_message)) > 300 as more, attributes -> %(cpu)s as cpu, attributes -> %(growth)s as growth,
  (select left(service, 500) from joblog.job_process where process_id = step.process_id) as service
from joblog.job_step as step
where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and span_id = any(%(spans)s);
