-- Steps and spans that are not known yet, as started or as ended; returns those inserted, for the counts of their runs.
-- Every column comes with the row.
insert into joblog.job_step
select * from jsonb_populate_recordset(null::joblog.job_step, %(rows)s::jsonb)
order by trace_id, started_at, span_id
on conflict do nothing
returning trace_id, run_span_id, started_at, kind;
