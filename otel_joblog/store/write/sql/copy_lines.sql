-- Lines, all of them new. The columns are those of store/write/copy.py.
copy joblog.job_log (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message, attributes)
from stdin (format binary);
