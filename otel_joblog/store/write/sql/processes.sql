-- Processes; each segment of a journal names its own again. Who comes by OTLP says less of itself, and gives way.
insert into joblog.job_process as stored
select * from jsonb_populate_recordset(null::joblog.job_process, %(rows)s::jsonb)
order by process_id
on conflict (process_id) do update set (started_at, pid, host, boot_id, service, resource) = row(
  excluded.started_at, excluded.pid, excluded.host, excluded.boot_id, excluded.service, excluded.resource)
where stored.boot_id = '' and excluded.boot_id <> '';
