-- Processes; each segment of a journal names its own again.
insert into joblog.job_process
select * from jsonb_populate_recordset(null::joblog.job_process, %(rows)s::jsonb)
order by process_id
on conflict do nothing;
