-- The shape of a run's trace: its first steps and other spans by start, with as little of each as a tree of them needs.
select span_id, parent_span_id, kind, left(name, 500) as name, status, started_at, ended_at
from joblog.job_step
where trace_id = %(trace_id)s and started_at between %(first_at)s and %(last_at)s and run_span_id = %(span_id)s
order by started_at, span_id
limit %(limit)s;
