-- These processes have ended: no beat is expected of them any more.
delete from joblog.job_live where process_id = any(%(process_ids)s::uuid[]);
