-- Runs, with what is said of them but for their rows in days. A run inside of one of them belongs to none then, and a due
-- time that one of them came for is looked at anew.
with gone as (
  select * from unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as run (trace_id, span_id)
),
gaps as (
  delete from joblog.job_gap as gap using gone where gap.trace_id = gone.trace_id and gap.run_span_id = gone.span_id
),
holds as (
  delete from joblog.job_hold as hold using gone where hold.trace_id = gone.trace_id and hold.span_id = gone.span_id
),
plans as (
  delete from joblog.job_due as due using gone where due.trace_id = gone.trace_id and due.span_id = gone.span_id
),
due_times as (
  update joblog.job_expected as expected set started_at = null, trace_id = null, span_id = null, looked_at = null
  from gone
  where expected.name = any(%(jobs)s) and expected.service = any(%(services)s)
    and expected.trace_id = gone.trace_id and expected.span_id = gone.span_id
),
children as (
  update joblog.job_run as child set parent_run_span_id = null
  from gone
  where child.trace_id = gone.trace_id and child.parent_run_span_id = gone.span_id
    and (child.trace_id, child.span_id) not in (select trace_id, span_id from gone)
)
delete from joblog.job_run as run using gone where run.trace_id = gone.trace_id and run.span_id = gone.span_id;
