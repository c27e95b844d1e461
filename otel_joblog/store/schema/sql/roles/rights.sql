-- What the roles may do in the schema: one row a role, object and right.
select rolname as role, object, privilege_type as right
from (
  select 'schema joblog' as object, acl.*
  from pg_catalog.pg_namespace, aclexplode(nspacl) as acl
  where nspname = 'joblog'
  union all
  select relname, acl.*
  from pg_catalog.pg_class, aclexplode(relacl) as acl
  where relnamespace = to_regnamespace('joblog')
  union all
  select proname, acl.*
  from pg_catalog.pg_proc, aclexplode(proacl) as acl
  where pronamespace = to_regnamespace('joblog')
) as held
join pg_catalog.pg_roles on pg_roles.oid = held.grantee
where rolname = any(%(names)s)
order by role, object, "right";
