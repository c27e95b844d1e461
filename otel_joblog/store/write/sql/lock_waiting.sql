-- A trace in which something waits, for this transaction alone, and the time that it and the trace's runs span. None where
-- the trace has no run yet: nothing could be given to any, and each further batch of it would look through all of it.
select least(waiting.first_at, runs.first_at) as first_at, greatest(waiting.last_at, runs.last_at) as last_at
from joblog.job_waiting as waiting
cross join lateral (
  select min(least(started_at, first_at)) as first_at, max(greatest(started_at, last_at)) as last_at
  from joblog.job_run
  where trace_id = waiting.trace_id
) as runs
where waiting.trace_id = %(trace_id)s
  and exists (select from joblog.job_run as run where run.trace_id = waiting.trace_id)
for update of waiting;
