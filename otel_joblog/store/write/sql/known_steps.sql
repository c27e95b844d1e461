-- Steps that were there before this batch: a row gives way only to a more final state. It stays what it was counted as, a
-- step or another span of its run, whatever comes later under its id. One that goes on is its process's: nobody else ends
-- it. An upsert, though all of them exist, because it finds each row by its key where an update by join might scan the
-- partitions.
insert into joblog.job_step as stored
select * from jsonb_populate_recordset(null::joblog.job_step, %(rows)s::jsonb)
order by trace_id, started_at, span_id
on conflict (trace_id, started_at, span_id) do update set (
  ended_at, parent_span_id, process_id, seq, status, otel_kind, name, stage, task_id, status_message, scope,
  error_type, error_message, error_stacktrace, attributes, events, links
) = row(
  excluded.ended_at, excluded.parent_span_id, coalesce(stored.process_id, excluded.process_id), excluded.seq, excluded.status,
  excluded.otel_kind, excluded.name, excluded.stage, excluded.task_id, excluded.status_message, excluded.scope,
  excluded.error_type, excluded.error_message, excluded.error_stacktrace, excluded.attributes, excluded.events,
  excluded.links)
where joblog.finality(excluded.status) > joblog.finality(stored.status)
  and (stored.status <> 1 or stored.process_id is null or excluded.process_id = stored.process_id);
