-- Where lines wait that may be there already.
create temporary table joblog_staged_line (like joblog.job_log) on commit drop;
