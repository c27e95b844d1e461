-- Whether writers may make temporary tables here, as everybody may in a database where nobody took that away.
select has_database_privilege('joblog_writer', current_database(), 'temporary') as may, current_database() as database;
