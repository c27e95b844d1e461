-- Some runs of a job, its oldest first.
select trace_id, span_id
from joblog.job_run
where name = %(job)s and service = %(service)s
order by started_at
limit %(limit)s;
