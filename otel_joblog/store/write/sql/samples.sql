-- What runs use. The same sample again changes nothing.
insert into joblog.job_sample
select * from jsonb_populate_recordset(null::joblog.job_sample, %(rows)s::jsonb)
order by trace_id, run_span_id, ts, seq
on conflict do nothing;
