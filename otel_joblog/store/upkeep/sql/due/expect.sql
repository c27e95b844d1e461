-- Times at which jobs are due. Each lasts no longer than until the next one, as where schedules changed, and so does the
-- one before them.
with given as (
  select
    name, service, schedule, due_at, late_at, judged_at,
    least(next_due_at, lead(due_at) over (partition by name, service order by due_at)) as next_due_at
  from unnest(
    %(names)s::text[], %(services)s::text[], %(schedules)s::text[], %(due)s::timestamptz[], %(late)s::timestamptz[],
    %(judged)s::timestamptz[], %(next)s::timestamptz[]
  ) as row (name, service, schedule, due_at, late_at, judged_at, next_due_at)
),
first as (
  select name, service, min(due_at) as due_at from given group by name, service
),
before as (
  update joblog.job_expected as expected set next_due_at = first.due_at
  from first
  where expected.name = first.name and expected.service = first.service and expected.next_due_at > first.due_at
    and expected.due_at = (
      select max(due_at) from joblog.job_expected
      where name = first.name and service = first.service and due_at < first.due_at
    )
)
insert into joblog.job_expected (name, service, schedule, due_at, late_at, judged_at, next_due_at)
select name, service, schedule, due_at, late_at, judged_at, next_due_at from given
on conflict do nothing;
