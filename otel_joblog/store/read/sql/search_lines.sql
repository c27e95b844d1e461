-- Lines of a time, newest first, that hold all the words in their first 8,192 characters. The text is looked for just as
-- the index of a closed day has it (maintain/index_text.sql); "word" is the one to look for there. Collation "C": only the
-- case of ASCII letters is overlooked, which is several times faster than any language's rules.
select
  ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, left(message, 8192) as message,
  joblog.short_json(attributes, 4000) as attributes,
  octet_length(left(message, 8192)) < octet_length(message) or joblog.json_bytes(attributes) > 4000 as cut
from joblog.job_log as log
where ts >= %(low)s and ts < %(high)s
  and %(seen)s::text[] is null  -- search_runs.sql is for who may not see everything
  and (ts, trace_id, run_span_id, seq) < (%(before_at)s, %(before_trace)s, %(before_run)s, %(before_seq)s)
  and (%(word)s::text is null or left(message, 8192) collate "C" ilike %(word)s)
  and (%(words)s::text[] is null or left(message, 8192) collate "C" ilike all (%(words)s))
  and (%(min_severity)s::smallint is null or severity >= %(min_severity)s)
  and (%(stream)s::smallint is null or stream = %(stream)s)
  and (%(stage)s::text is null and %(task_id)s::text is null or exists (
    select from joblog.job_run as run
    join joblog.job_step as step on step.trace_id = run.trace_id and step.started_at between run.first_at and log.ts
    where run.trace_id = log.trace_id and run.span_id = log.run_span_id and step.span_id = log.span_id
      and (%(stage)s is null or step.stage = %(stage)s)
      and (%(task_id)s is null or coalesce(step.task_id, step.stage, step.name) = %(task_id)s)
  ))
  and (%(attributes)s::jsonb is null or not exists (
    select from jsonb_each_text(%(attributes)s) as wanted
    left join joblog.job_run as run on run.trace_id = log.trace_id and run.span_id = log.run_span_id
    where coalesce(log.attributes ->> wanted.key, run.attributes ->> wanted.key) is distinct from wanted.value
  ))
order by ts desc, trace_id desc, run_span_id desc, seq desc
limit %(limit)s;
