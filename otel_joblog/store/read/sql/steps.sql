-- Steps and other spans of a run, by start; "service" is whose span it is, where somebody said. Texts and attributes are
-- bounded: each, and where all of them would make more than so many bytes, those of the steps that did not fail (then of the
-- later ones) to a few. "cut" says that the step itself (step.sql) has more.
select
  span_id, parent_span_id, kind, left(name, 500) as name, seq, left(stage, 500) as stage, left(task_id, 500) as task_id, status,
  started_at, ended_at, left(error_type, 500) as error_type,
  left(status_message, characters) as status_message, left(error_message, characters) as error_message,
  left(error_stacktrace, 10 * characters) as error_stacktrace,
  case when json_size <= 10 * characters then attributes else joblog.short_json(attributes, 10 * characters) end as attributes,
  octet_length(left(status_message, characters)) < octet_length(status_message)
    or coalesce(octet_length(left(error_message, characters)) < octet_length(error_message), false)
    or coalesce(octet_length(left(error_stacktrace, 10 * characters)) < octet_length(error_stacktrace), false)
    or json_size > 10 * characters as cut,
  (select left(service, 500) from joblog.job_process where process_id = step.process_id) as service
from (
  select
    *,
    case when sum(size) over (order by status < 5, started_at, seq, span_id) <= %(bytes)s then 2000 else 100 end as characters
  from (
    select
      *, joblog.json_bytes(attributes) as json_size,
      least(octet_length(status_message), 2000) + coalesce(least(octet_length(error_message), 2000), 0)
        + coalesce(least(octet_length(error_stacktrace), 20000), 0)
        + coalesce(least(pg_column_size(attributes), 20000), 0) as size
    from joblog.job_step
    where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = %(span_id)s
    order by started_at, seq, span_id
    limit %(limit)s
  ) as found
) as step
order by started_at, seq, span_id;
