-- No limits of time, until the end of the transaction: a server or a login may have some that are meant for other things.
set local statement_timeout = 0;
set local lock_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
