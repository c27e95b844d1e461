-- The version of the schema: the number of its last migration.
select coalesce(max(version), 0) as version from joblog.schema_version;
