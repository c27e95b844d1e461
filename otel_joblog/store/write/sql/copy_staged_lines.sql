-- Lines that may be there already, into their waiting room.
copy pg_temp.joblog_staged_line (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message, attributes)
from stdin (format binary);
