-- Ends the transactions of writers that are stopped (SIGSTOP, a debugger, a paused container): they hold rows that others
-- wait for, and would for as long as they are. One that lives cuts its own connection after so many seconds.
with stopped as materialized (  -- or sessions would be ended before it is known which they are
  select pid
  from pg_stat_activity
  where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
    and application_name = any(%(writers)s) and state in ('active', 'idle in transaction') and wait_event = 'ClientRead'
    and xact_start < clock_timestamp() - make_interval(secs => %(seconds)s::float8)
)
select pid from stopped where pg_terminate_backend(pid);
