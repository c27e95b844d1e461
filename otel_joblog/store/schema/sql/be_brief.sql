-- A new partition or column needs its table for itself. A long dump of the database may hold it, and every writer and
-- reader would queue behind whoever waits for it: better give up soon and try again later.
set local lock_timeout = '1s';
