-- For tests only: every kind of change that a migration makes to tables which others write to meanwhile.
alter table joblog.job_run add column team text not null default '';
alter table joblog.job_step add column team text;
alter table joblog.job_log add column level text;
update joblog.job_run set team = 'of ' || name;
create index job_run_team on joblog.job_run (team, started_at);
create table joblog.job_team (name text primary key);
insert into joblog.job_team select distinct team from joblog.job_run where team <> '';
