-- For this transaction only, so that a pooled connection keeps no trace of it (PgBouncer in transaction mode).
set local statement_timeout = '10s';
