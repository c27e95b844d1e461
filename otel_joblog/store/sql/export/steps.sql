-- The steps and other spans of a run, within the days that it touched, each with who told of it.
select
  step.*, process.started_at as process_started_at, process.boot_id as process_boot_id, process.pid, process.host,
  process.service, process.resource
from joblog.job_step as step
left join joblog.job_process as process on process.process_id = step.process_id
where step.trace_id = %(trace_id)s and step.run_span_id = %(span_id)s
  and (%(first_at)s::timestamptz is null or step.started_at between %(first_at)s and %(last_at)s)
order by step.started_at, step.span_id;
