-- The steps and other spans of runs, within the days that each touched, with who told of them. The bounds of all come as
-- they are, so that the planner sees which days they leave.
select
  step.*, process.started_at as process_started_at, process.boot_id as process_boot_id, process.pid, process.host,
  process.service, process.resource
from unnest(%(trace_ids)s::uuid[], %(span_ids)s::bigint[], %(first_at)s::timestamptz[], %(last_at)s::timestamptz[])
  with ordinality as run (trace_id, span_id, first_at, last_at, number)
cross join lateral (
  select * from joblog.job_step
  where trace_id = run.trace_id and run_span_id = run.span_id
    and started_at between coalesce(run.first_at, '-infinity') and coalesce(run.last_at, 'infinity')
    and started_at between coalesce(%(low)s::timestamptz, '-infinity') and coalesce(%(high)s::timestamptz, 'infinity')
  offset 0
) as step
left join joblog.job_process as process on process.process_id = step.process_id
order by run.number, step.started_at, step.span_id;
