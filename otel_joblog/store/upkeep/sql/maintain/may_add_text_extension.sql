-- Whether it is of use to try: else the server's log would have an error for each try.
select has_database_privilege(current_database(), 'create')
  and exists (select from pg_catalog.pg_available_extensions where name = 'pg_trgm') as may;
