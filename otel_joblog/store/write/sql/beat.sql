-- These processes are alive, now. Ordered by key, so that two who tell of the same processes do not lock crosswise.
insert into joblog.job_live as stored (process_id, beat_at)
select distinct process_id, now()
from unnest(%(process_ids)s::uuid[]) as process_id
order by process_id
on conflict (process_id) do update set beat_at = greatest(stored.beat_at, excluded.beat_at);
