-- Attempts that are to be linked, locked in the order of their key, as every writer does.
select from joblog.job_run
join unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as key (trace_id, span_id) using (trace_id, span_id)
order by trace_id, span_id
for update of job_run;
