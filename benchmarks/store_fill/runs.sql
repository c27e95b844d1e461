-- So many runs of 200 jobs, evenly over the days before %(until)s; a few jobs have most of them, some fail often. The last
-- twenty are open.
insert into joblog.job_run (
  trace_id, span_id, process_id, started_at, ended_at, first_at, last_at, lines, warnings, errors, lines_emitted, steps,
  steps_emitted, pid, status, name, type, trigger, service, host, status_message, reference, error_type, error_message,
  error_group, attributes)
select
  md5('run ' || n)::uuid, n, md5('process ' || n / 50)::uuid, started_at, case when status > 1 then ended_at end,
  started_at, ended_at, %(lines_a_run)s, 1, case when status >= 5 then 1 else 0 end, %(lines_a_run)s, 1, 1,
  1000 + n %% 30000, status, 'job-' || lpad(job::text, 3, '0'), (array['cron', 'queue', 'batch', 'command', 'function'])[1 + job %% 5],
  (array['schedule', 'queue', 'api', 'manual'])[1 + job %% 4], 'service-' || job %% 12, 'host-' || n %% 20,
  case when status >= 5 then message else '' end, case when n %% 3 = 0 then 'ORD-' || n end,
  case when status in (5, 6) then (%(types)s::text[])[1 + kind] end, case when status in (5, 6) then message end,
  case when status >= 5 then (%(groups)s::bigint[])[1 + kind] end, jsonb_build_object(
    'region', 'eu-' || job %% 3, 'customer', n %% 5000, 'joblog.argument.day', (started_at at time zone 'UTC')::date,
    'joblog.process.memory.peak', n * 4096, 'code.function.name', 'app.jobs.job_' || job)
from (
  select
    *,
    started_at + make_interval(secs => (0.2 + 30 * power(job / 200.0, 2)) * exp(1.2 * spread)) as ended_at,
    case
      when n > %(runs)s - 20 then 1
      when chance < case when job %% 17 = 0 then 0.15 else 0.02 end then (array[5, 5, 5, 5, 5, 5, 5, 6, 6, 7])[1 + n %% 10]
      when chance > 0.99 then 3
      else 2
    end as status,
    'row ' || n || ' could not be read: ' || (%(types)s::text[])[1 + kind] as message
  from (
    select
      n, floor(200 * power(random(), 2))::int as job, random() as chance,
      random() + random() + random() - 1.5 as spread, n %% 40 as kind,
      %(until)s::timestamptz - (%(runs)s - n) * (make_interval(days => %(days)s) / %(runs)s) - interval '1 minute' as started_at
    from generate_series(%(first)s::bigint, %(last)s::bigint) as n
    offset 0
  ) as drawn
) as run;
