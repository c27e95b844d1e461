-- Runs as they are stored, and the processes that they ran in, in the order given.
select run.*, process.started_at as process_started_at, process.pid as process_pid, process.host as process_host,
  process.boot_id as process_boot_id, process.service as process_service, process.resource as process_resource
from unnest(%(trace_ids)s::uuid[], %(span_ids)s::bigint[]) with ordinality as given (trace_id, span_id, number)
join joblog.job_run as run on run.trace_id = given.trace_id and run.span_id = given.span_id
left join joblog.job_process as process on process.process_id = run.process_id
order by given.number;
