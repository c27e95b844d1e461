-- One maker of partitions at a time, until the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('joblog.days', 0));
