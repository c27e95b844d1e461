-- A trace in which something waits, for this transaction alone, and the time that it and the trace's runs span.
select least(waiting.first_at, runs.first_at) as first_at, greatest(waiting.last_at, runs.last_at) as last_at
from joblog.job_waiting as waiting
cross join lateral (
  select min(least(started_at, first_at)) as first_at, max(greatest(started_at, last_at)) as last_at
  from joblog.job_run
  where trace_id = waiting.trace_id
) as runs
where waiting.trace_id = %(trace_id)s
for update of waiting;
