-- Whether we are the one who maintains this database, until the end of the transaction. Nobody waits: another one does it.
select pg_try_advisory_xact_lock(hashtextextended('joblog.maintain', 0)) as leads;
