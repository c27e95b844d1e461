-- Processes that nobody will ask for any more: what they ran is settled.
delete from joblog.job_live
where beat_at < now() - greatest(interval '1 day', make_interval(secs => %(lost_after)s));
