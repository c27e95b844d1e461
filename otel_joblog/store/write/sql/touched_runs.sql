-- What a batch adds to its runs: counts of rows really inserted, their bounds in time, the latest progress. A run that is
-- not known yet gets a row in the state pending, which its start or end then fills in: so the counts are right in any
-- order, whoever writes at the same time.
insert into joblog.job_run as stored (
  trace_id, span_id, started_at, status, first_at, last_at, lines, bytes, warnings, errors, lines_elsewhere, lines_after_end,
  lines_after_end_emitted, steps,
  progress_at, progress_current, progress_total, progress_unit, progress_since, progress_base)
select
  trace_id, span_id, started_at, 0, first_at, last_at, lines, bytes, warnings, errors, lines_elsewhere, lines_after_end,
  lines_after_end_emitted, steps,
  progress_at, progress_current, progress_total, progress_unit, progress_since, progress_base
from jsonb_populate_recordset(null::joblog.job_run, %(rows)s::jsonb)
order by trace_id, span_id
on conflict (trace_id, span_id) do update set
  started_at = case when stored.status = 0 then least(stored.started_at, excluded.started_at) else stored.started_at end,
  first_at = least(stored.first_at, excluded.first_at),
  last_at = greatest(stored.last_at, excluded.last_at),
  lines = stored.lines + excluded.lines,
  bytes = stored.bytes + excluded.bytes,
  warnings = stored.warnings + excluded.warnings,
  errors = stored.errors + excluded.errors,
  lines_elsewhere = stored.lines_elsewhere + excluded.lines_elsewhere,
  lines_after_end = stored.lines_after_end + excluded.lines_after_end,
  lines_after_end_emitted = greatest(stored.lines_after_end_emitted, excluded.lines_after_end_emitted),
  steps = stored.steps + excluded.steps,
  (progress_at, progress_current, progress_total, progress_unit, progress_since, progress_base) = (
    select newest.*
    from (values
      (stored.progress_at, stored.progress_current, stored.progress_total, stored.progress_unit,
        stored.progress_since, stored.progress_base),
      (excluded.progress_at, excluded.progress_current, excluded.progress_total, excluded.progress_unit,
        excluded.progress_since, excluded.progress_base)
    ) as newest (at, current, total, unit, since, base)
    order by at desc nulls last, current desc, total desc nulls last, unit desc limit 1);
