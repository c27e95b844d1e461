-- What this login may do with the schema, on this server.
select
  pg_is_in_recovery() as standby,
  current_setting('default_transaction_read_only')::boolean as read_only,
  has_table_privilege('joblog.job_run', 'insert') as writes,
  pg_has_role(relowner, 'usage') as owns
from pg_catalog.pg_class
where oid = 'joblog.job_run'::regclass;
