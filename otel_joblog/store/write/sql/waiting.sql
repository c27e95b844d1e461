-- Traces of which a batch brought something whose run is not known.
insert into joblog.job_waiting as stored
select * from jsonb_populate_recordset(null::joblog.job_waiting, %(rows)s::jsonb)
order by trace_id
on conflict (trace_id) do update set
  first_at = least(stored.first_at, excluded.first_at),
  last_at = greatest(stored.last_at, excluded.last_at)
where excluded.first_at < stored.first_at or excluded.last_at > stored.last_at;
