-- A page of runs by any of the filters, newest first. A filter that is not given is null, and the planner drops it, since
-- these queries are planned with their parameters. Texts and results are bounded, however large they are: "cut" says that the
-- run itself (run.sql) has more. "twins" are the runs of the same job that began before in the same
-- second: they make the run's name. "gaps" are its lines that were given up; "clock" is the one that beats go by;
-- "usual" is how long the successes took among the 50 runs of its job before one that goes on.
select page.*, twins.number as twin, live.beat_at, now() as clock, gaps.by_reason as gaps,
  usual.successes as usual_successes, usual.p50_s as usual_p50_s, usual.p95_s as usual_p95_s,
  joblog.time_limit_s(page.expected_s, usual.successes, usual.p95_s) as time_limit_s
from (
  select
    trace_id, span_id, parent_run_span_id, previous_trace_id, previous_span_id, next_trace_id, next_span_id,
    first_trace_id, first_span_id, queued_at, started_at, ended_at, status, name, type, trigger, reference, attempt,
    max_attempts, service, pid, process_id, exit_code, last_at, progress_at, progress_current, progress_total,
    progress_since, progress_base, lines, bytes, lines_elsewhere, lines_after_end, lines_emitted,
    lines_after_end_emitted, warnings, errors, steps,
    left(status_message, 500) as status_message, left(error_type, 500) as error_type,
    left(error_message, 500) as error_message, left(owner, 500) as owner, left(schedule, 500) as schedule, expected_s,
    left(host, 500) as host, left(progress_unit, 500) as progress_unit, joblog.short_json(result, 2000) as result,
    octet_length(left(status_message, 500)) < octet_length(status_message)
      or coalesce(octet_length(left(error_message, 500)) < octet_length(error_message), false)
      or joblog.json_bytes(result) > 2000 as cut
  from joblog.job_run
  where (%(job)s::text is null or name = %(job)s)
    and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
    and (%(service)s::text is null or service = %(service)s)
    and (%(type)s::text is null or type = %(type)s)
    and (%(error_group)s::bigint is null or error_group = %(error_group)s)
    and (%(reference)s::text is null or reference = %(reference)s)
    and (%(statuses)s::smallint[] is null or status = any(%(statuses)s))
    and (%(retried)s::boolean is null or (status >= 5 and next_trace_id is not null) = %(retried)s)
    and (%(since)s::timestamptz is null or started_at >= %(since)s)
    and (%(until)s::timestamptz is null or started_at < %(until)s)
    and (%(trace_id)s::uuid is null or trace_id = %(trace_id)s)
    and (%(first_trace)s::uuid is null or (first_trace_id, first_span_id) = (%(first_trace)s, %(first_span)s))
    and (%(parent_run)s::bigint is null or parent_run_span_id = %(parent_run)s)
    and (%(traces)s::uuid[] is null or trace_id = any(%(traces)s)
      and (trace_id, span_id) in (select * from unnest(%(traces)s, %(spans)s::bigint[])))
    and (%(before_at)s::timestamptz is null
      or (started_at, trace_id, span_id) < (%(before_at)s, %(before_trace)s::uuid, %(before_span)s::bigint))
  order by started_at desc, trace_id desc, span_id desc
  limit %(limit)s
) as page
cross join lateral (
  select count(*) as number
  from (
    select from joblog.job_run as other
    where other.name = page.name and other.service = page.service
      and other.started_at between date_trunc('second', page.started_at) and page.started_at
      and (other.started_at, other.trace_id, other.span_id) < (page.started_at, page.trace_id, page.span_id)
    limit 1000
  ) as earlier
) as twins
left join joblog.job_live as live on live.process_id = page.process_id and page.status <= 1
left join lateral (
  select
    count(*) as successes, percentile_cont(0.5) within group (order by seconds) as p50_s,
    percentile_cont(0.95) within group (order by seconds) as p95_s
  from (
    select extract(epoch from ended_at - started_at)::double precision as seconds, status
    from joblog.job_run as before
    where before.name = page.name and before.service = page.service and before.started_at < page.started_at
      and page.status = 1
    order by before.started_at desc
    limit 50
  ) as latest
  where status = 2
) as usual on true
cross join lateral (
  select jsonb_object_agg(reason, lines) as by_reason
  from (
    select reason, sum(lines) as lines from joblog.job_gap
    where trace_id = page.trace_id and run_span_id = page.span_id
    group by reason
  ) as reasons
) as gaps
order by page.started_at desc, page.trace_id desc, page.span_id desc;
