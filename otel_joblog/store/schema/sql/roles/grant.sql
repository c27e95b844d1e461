-- The rights of the roles, from none. Partitions need none of their own: whoever asks a partitioned table is asked for
-- rights to that table only. The default partition of job_log is looked into by the search.
do $$
declare
  relation regclass;
begin
  for relation in  -- only these: a day may be under construction, and would not bear two changes at once
    select oid from pg_catalog.pg_class
    where relnamespace = 'joblog'::regnamespace and relkind in ('r', 'p', 'v') and relacl::text ~ '\mjoblog_(writer|reader|dashboards)='
  loop
    execute format('revoke all on %s from joblog_writer, joblog_reader, joblog_dashboards', relation);
  end loop;
end $$;
revoke all on schema joblog from joblog_writer, joblog_reader, joblog_dashboards;
revoke all on all functions in schema joblog from joblog_writer, joblog_reader, joblog_dashboards;

grant usage on schema joblog to joblog_writer, joblog_reader, joblog_dashboards;
grant execute on function
  joblog.finality(smallint), joblog.bucket_ms(int), joblog.status_name(smallint), joblog.run_id(uuid, bigint),
  joblog.level_name(smallint), joblog.stream_name(smallint), joblog.json_bytes(jsonb), joblog.short_json(jsonb, int),
  joblog.time_limit_s(double precision, bigint, double precision), joblog.words(text), joblog.labels(date, text[]),
  joblog.run_labels(
    timestamptz, timestamptz, smallint, smallint, text, text, text, text, text, text, text, text, text, jsonb),
  joblog.has_attribute(jsonb, text, text),
  joblog.bucket_percentile(
    int, double precision, double precision, double precision, double precision, double precision)
to joblog_writer, joblog_reader, joblog_dashboards;

-- Writers add. What they may change are states and counts, and what they may delete is what only counts.
grant select on joblog.schema_version, joblog.job_cleanup to joblog_writer;
grant select, insert on joblog.job_log, joblog.job_gap to joblog_writer;
grant select, insert, update on
  joblog.job_run, joblog.job_step, joblog.job, joblog.job_day, joblog.job_hour, joblog.job_duration, joblog.job_hold,
  joblog.job_process
to joblog_writer;
grant select, insert, delete on joblog.job_sample to joblog_writer;
grant select, insert, update, delete on joblog.job_live, joblog.job_error_day, joblog.job_waiting to joblog_writer;
grant execute on function joblog.make_day(text, date), joblog.adopt(uuid, timestamptz, timestamptz) to joblog_writer;

grant select on
  joblog.schema_version, joblog.job_process, joblog.job_run, joblog.job_live, joblog.job_gap, joblog.job_step,
  joblog.job_log, joblog.job_log_default, joblog.job_sample, joblog.job, joblog.job_day, joblog.job_hour,
  joblog.job_duration, joblog.job_error_day, joblog.job_hold, joblog.job_due, joblog.job_swept, joblog.job_cleanup,
  joblog.job_waiting, joblog.job_schedule, joblog.job_expected
to joblog_reader;

grant select on
  joblog.active_jobs, joblog.job_progress, joblog.job_history, joblog.job_attempts, joblog.job_steps, joblog.job_lines,
  joblog.job_errors, joblog.job_health, joblog.job_daily, joblog.job_hourly, joblog.job_durations,
  joblog.job_duration_histogram, joblog.job_punctuality, joblog.job_schedules, joblog.store_size
to joblog_reader, joblog_dashboards;
