-- Whoever waits for a table behind us waits this long at most, then we give up and come again.
set local lock_timeout = '150ms';
