-- Runs all of whose times lie in the future, by a clock that was wrong: the retention counts from now.
insert into joblog.job_hold (trace_id, span_id, until)
select trace_id, span_id, %(until)s
from joblog.job_run
where started_at > now() + interval '2 days'
  and least(ended_at, last_at, progress_at, 'infinity') > now() + interval '2 days'
on conflict do nothing;
