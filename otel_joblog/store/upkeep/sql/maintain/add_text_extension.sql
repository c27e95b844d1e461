-- Anybody may who may create in the database: it is a trusted extension. Fails where the server does not have it.
create extension if not exists pg_trgm;
