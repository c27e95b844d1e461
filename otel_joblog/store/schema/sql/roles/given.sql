-- Whether the roles have been given their rights here.
select exists (
  select from pg_catalog.pg_namespace, aclexplode(nspacl) as acl
  join pg_catalog.pg_roles on pg_roles.oid = acl.grantee
  where nspname = 'joblog' and rolname = 'joblog_reader'
) as given;
