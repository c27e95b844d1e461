-- As search_lines.sql, but only lines of some runs, which are found first: of a job, in some states. A run from before the
-- day that led up to the time can only be one that took longer than a day or has not ended, and those have an index.
with run as materialized (
  select trace_id, span_id, first_at, attributes
  from joblog.job_run
  where (%(job)s::text is null or name = %(job)s)
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(statuses)s::smallint[] is null or status = any(%(statuses)s))
    and started_at >= %(low)s::timestamptz - interval '1 day' and started_at < %(high)s::timestamptz + interval '1 hour'
  union all
  select trace_id, span_id, first_at, attributes
  from joblog.job_run
  where (%(job)s::text is null or name = %(job)s)
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(statuses)s::smallint[] is null or status = any(%(statuses)s))
    and (status <= 1 or ended_at - started_at > interval '1 day')
    and started_at < %(low)s::timestamptz - interval '1 day'
)
select
  ts, log.trace_id, run_span_id, log.span_id, seq, severity, stream, logger, left(message, 8192) as message,
  joblog.short_json(log.attributes, 4000) as attributes,
  octet_length(left(message, 8192)) < octet_length(message) or joblog.json_bytes(log.attributes) > 4000 as cut
from run
join joblog.job_log as log on log.trace_id = run.trace_id and log.run_span_id = run.span_id
where ts >= %(low)s and ts < %(high)s
  and (ts, log.trace_id, run_span_id, seq) < (%(before_at)s, %(before_trace)s, %(before_run)s, %(before_seq)s)
  and (%(word)s::text is null or left(message, 8192) collate "C" ilike %(word)s)
  and (%(words)s::text[] is null or left(message, 8192) collate "C" ilike all (%(words)s))
  and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
  and (%(stream)s::smallint is null or stream = %(stream)s)
  and (%(stage)s::text is null and %(task_id)s::text is null or exists (
    select from joblog.job_step as step
    where step.trace_id = log.trace_id and step.started_at between run.first_at and log.ts and step.span_id = log.span_id
      and (%(stage)s is null or step.stage = %(stage)s)
      and (%(task_id)s is null or coalesce(step.task_id, step.stage, step.name) = %(task_id)s)
  ))
  and (%(attributes)s::jsonb is null or not exists (
    select from jsonb_each_text(%(attributes)s) as wanted
    where coalesce(log.attributes ->> wanted.key, run.attributes ->> wanted.key) is distinct from wanted.value
  ))
order by ts desc, log.trace_id desc, run_span_id desc, seq desc
limit %(limit)s;
