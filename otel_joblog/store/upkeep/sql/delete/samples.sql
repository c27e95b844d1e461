-- The samples of runs.
delete from joblog.job_sample as part
using unnest(%(traces)s::uuid[], %(spans)s::bigint[], %(lows)s::timestamptz[], %(highs)s::timestamptz[])
  as run (trace_id, span_id, low, high)
where part.trace_id = run.trace_id and part.run_span_id = run.span_id and part.ts between run.low and run.high
  and part.ts between %(low)s and %(high)s;
