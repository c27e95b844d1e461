-- For this transaction only, so that a pooled connection keeps no trace of it (PgBouncer in transaction mode).
set local statement_timeout = '10s';
set local jit = off;  -- compiling costs more than these queries take
