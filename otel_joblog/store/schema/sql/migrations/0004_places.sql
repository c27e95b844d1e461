-- Lines with the stage and task of their step, and the steps of a task over all runs.
create index job_step_task on joblog.job_step ((left(task_id, 200) collate "C"), started_at) where task_id is not null;

create or replace view joblog.job_lines as
select
  log.ts as at,
  joblog.run_id(log.trace_id, log.run_span_id) as run_id,
  run.name as job,
  run.service,
  joblog.level_name(log.severity) as level,
  log.severity,
  joblog.stream_name(log.stream) as stream,
  log.logger,
  log.message,
  log.seq,
  lpad(to_hex(log.span_id), 16, '0') as span_id,
  log.trace_id as trace_key,
  log.run_span_id as run_key,
  log.attributes,
  (
    select max(step.stage)
    from joblog.job_step as step
    where step.trace_id = log.trace_id and step.span_id = log.span_id
      and step.started_at between log.ts - interval '7 days' and log.ts
    group by step.trace_id
  ) as stage,
  (
    select max(coalesce(step.task_id, step.stage, case when step.kind = 0 then step.name end))
    from joblog.job_step as step
    where step.trace_id = log.trace_id and step.span_id = log.span_id
      and step.started_at between log.ts - interval '7 days' and log.ts
    group by step.trace_id
  ) as task_id
from joblog.job_log as log
left join joblog.job_run as run on run.trace_id = log.trace_id and run.span_id = log.run_span_id;

comment on column joblog.job_lines.stage is
  'of the step that it was written in, or the nearest one around it; looked up for each line, where it is asked for';
comment on column joblog.job_lines.task_id is
  'likewise; where none has one, the stage stands for it, or the name of the step';
