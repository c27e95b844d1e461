-- Which of these tables of the schema exist.
select relname from pg_catalog.pg_class
where relnamespace = to_regnamespace('joblog') and relname = any(%(names)s);
