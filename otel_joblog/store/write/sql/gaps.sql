-- Lines that were given up. The same gap again changes nothing.
insert into joblog.job_gap
select * from jsonb_populate_recordset(null::joblog.job_gap, %(rows)s::jsonb)
order by trace_id, run_span_id, at_ns, reason
on conflict do nothing;
