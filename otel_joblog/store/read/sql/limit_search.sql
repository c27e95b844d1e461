-- As limit_time.sql, for what has another way to go when it takes too long.
set local statement_timeout = '2s';
