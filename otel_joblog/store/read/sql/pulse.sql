-- What changes while people look: the runs that go on, and the newest of any state. "mark" differs once a run does. Both
-- halves are bounded, and each has its index: job_run_open and job_run_started.
select trace_id, span_id, name, service, status, mark
from (
  select *, hash_record_extended(
    row(status, lines, steps, warnings, errors, progress_at, ended_at, last_at, next_trace_id), 0) as mark
  from (
    (
      select * from joblog.job_run
      where status <= 1 and started_at < %(until)s
        and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
      order by started_at desc
      limit %(open)s
    )
    union all
    (
      select * from joblog.job_run
      where started_at < %(until)s
        and (%(seen)s::text[] is null or name like any(%(seen)s) or service like any(%(seen)s))
      order by started_at desc, trace_id desc, span_id desc
      limit %(newest)s
    )
  ) as runs
) as marked;
