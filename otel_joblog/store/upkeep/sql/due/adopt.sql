-- A schedule is in force, or is not understood: what was due by the one before it from then on is not due any more.
with gone as (
  delete from joblog.job_expected where name = %(name)s and service = %(service)s and due_at > %(since)s
)
insert into joblog.job_schedule (name, service, schedule, timezone, since, problem)
values (%(name)s, %(service)s, %(schedule)s, %(timezone)s, %(since)s, %(problem)s)
on conflict (name, service) do update set
  schedule = excluded.schedule, timezone = excluded.timezone, since = excluded.since, problem = excluded.problem;
