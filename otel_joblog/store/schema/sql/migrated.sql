-- Notes a migration as applied.
insert into joblog.schema_version (version, name) values (%(version)s, %(name)s);
