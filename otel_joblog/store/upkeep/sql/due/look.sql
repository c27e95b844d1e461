-- Looks for the first run of due times that none is known to have come in time for: until the next one is due whenever
-- asked, then at longer intervals, ten minutes at most, as runs may be told of late: where one of the job is known that
-- began since. Returns how many were looked at.
with open as (
  select name, service, due_at, next_due_at
  from joblog.job_expected
  where (started_at is null or started_at > late_at)
    and due_at <= now() + interval '5 seconds' and due_at > now() - %(memory)s
    and (
      looked_at is null
      or (looked_at < now() - least(interval '10 minutes', greatest(interval '50 seconds', (now() - due_at) / 20))
        and exists (
          select from joblog.job
          where name = job_expected.name and service = job_expected.service
            and last_run_at >= job_expected.due_at - interval '5 seconds'))
      or (looked_at < next_due_at + (judged_at - late_at) and next_due_at + (judged_at - late_at) <= now())
    )
  limit %(limit)s
),
found as (
  update joblog.job_expected as expected set
    looked_at = now(), trace_id = run.trace_id, span_id = run.span_id, started_at = run.started_at
  from open
  left join lateral (
    select trace_id, span_id, started_at
    from joblog.job_run
    where job_run.name = open.name and job_run.service = open.service and job_run.status > 0
      and job_run.started_at >= open.due_at - interval '5 seconds'
      and job_run.started_at < open.next_due_at - interval '5 seconds'
    order by job_run.started_at
    limit 1
  ) as run on true
  where expected.name = open.name and expected.service = open.service and expected.due_at = open.due_at
  returning 1
)
select count(*) from found;
