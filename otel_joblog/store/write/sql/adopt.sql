-- What waits in a trace goes to its runs: what each gains.
select * from joblog.adopt(%(trace_id)s, %(first_at)s, %(last_at)s);
