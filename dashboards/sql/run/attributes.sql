select key as "Attribute", value as "Value"
from joblog.job_history
cross join lateral jsonb_each_text(
  jsonb_strip_nulls(jsonb_build_object(
    'run', run_id, 'type', type, 'trigger', trigger, 'schedule', schedule, 'reference', reference, 'owner', owner,
    'host', host, 'pid', pid, 'parent run', parent_run_id)) || coalesce(attributes, '{}'))
where trace_key = joblog.trace_key('$run') and run_key = joblog.run_key('$run')
order by key
