-- Who holds the lock of a job, as the connection calls itself.
select activity.application_name as holder
from pg_locks held
join pg_stat_activity activity using (pid)
where held.locktype = 'advisory'
  and held.database = (select oid from pg_database where datname = current_database())
  and held.classid = hashtext('joblog.run')::oid
  and held.objid = hashtext(%(name)s)::oid
  and held.objsubid = 2
  and held.granted
limit 1;
