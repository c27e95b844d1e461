-- One migration at a time, in this database, until the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('joblog.migrate', 0));
