-- Of a run's samples before its latest ones, keep every second, fourth, eighth… only.
delete from joblog.job_sample
where trace_id = %(trace_id)s and run_span_id = %(run_span_id)s and ts between %(first_at)s and %(last_at)s
  and seq <= %(before)s and seq %% %(stride)s <> 0;
