-- Bytes of a table with its indexes; null where there is none of that name.
select pg_total_relation_size(to_regclass(%(table)s));
