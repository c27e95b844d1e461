-- Which of these roles there are not.
select name from unnest(%(names)s::text[]) as name
where not exists (select from pg_catalog.pg_roles where rolname = name)
order by name;
