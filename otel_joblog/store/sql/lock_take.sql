-- Take the lock of a job until the end of the transaction, if it is free; that may stay idle for as long as it likes.
select
  pg_try_advisory_xact_lock(hashtext('joblog.run'), hashtext(%(name)s)) as taken,
  set_config('idle_in_transaction_session_timeout', '0', true);
