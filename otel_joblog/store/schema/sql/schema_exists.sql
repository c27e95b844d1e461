-- Whether the tables are there at all.
select to_regclass('joblog.schema_version') is not null as there;
