-- Runs of twenty seconds, evenly over a day; some of a hundred failed.
insert into joblog.job_run (
  trace_id, span_id, started_at, ended_at, first_at, last_at, lines, lines_emitted, steps, status, name, service,
  process_id)
select
  md5(%(seed)s || n::text)::uuid, n, at, at + interval '20 seconds', at, at + interval '20 seconds', %(lines_a_run)s,
  %(lines_a_run)s, 1, case when mod(n, 100) < %(failed)s then 5 else 2 end, 'job-' || mod(n, 200), 'bench',
  md5('p')::uuid
from (
  select n, %(day)s::timestamptz + n * (interval '23 hours' / %(runs)s) as at from generate_series(1, %(runs)s) as n
) as run;
