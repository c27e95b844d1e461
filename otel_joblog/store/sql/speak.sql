-- Times as psycopg can read them. Of a session only these two are relied on: PgBouncer carries them along for its clients.
set datestyle = 'ISO'; set timezone = 'UTC';
