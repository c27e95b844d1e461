-- The child runs of a run as outline.sql has its steps; kind 2.
select span_id, parent_span_id, 2 as kind, left(name, 500) as name, status, started_at, ended_at
from joblog.job_run
where trace_id = %(trace_id)s and parent_run_span_id = %(span_id)s
  and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
order by started_at, span_id
limit %(limit)s;
