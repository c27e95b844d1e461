-- A run as it is stored, and the process that it ran in.
select run.*, process.started_at as process_started_at, process.pid as process_pid, process.host as process_host,
  process.boot_id as process_boot_id, process.service as process_service, process.resource as process_resource
from joblog.job_run as run
left join joblog.job_process as process on process.process_id = run.process_id
where run.trace_id = %(trace_id)s and run.span_id = %(span_id)s;
