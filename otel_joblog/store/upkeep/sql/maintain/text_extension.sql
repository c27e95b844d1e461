-- Where the extension for text indexes is installed: no row where it is not.
select nspname as schema
from pg_catalog.pg_extension
join pg_catalog.pg_namespace on pg_namespace.oid = extnamespace
where extname = 'pg_trgm';
