"""``PostgresSpanExporter``: an OTel span exporter that stores runs in PostgreSQL.

Inside otel_joblog it takes records from the journal (:meth:`~PostgresSpanExporter.ship`), live: starts, lines,
progress, ends. It also works alone, as any other exporter does: behind the stock ``BatchSpanProcessor``, or by its
entry point as ``OTEL_TRACES_EXPORTER=otlp,postgres`` under ``opentelemetry-instrument``. It then sees ended spans only,
and what it cannot deliver is lost, as the SDK has it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..config import Settings
from ..diagnostics import report
from ..errors import JobLogError, StoreUnavailable
from ..records import Process, Record
from ..redaction import make_redactor
from .spans import to_records
from .targets import NOWHERE, postgres_name

if TYPE_CHECKING:
    from ..store.write.writer import Writer

__all__ = ["PostgresSpanExporter"]


class PostgresSpanExporter(SpanExporter):
    """Stores spans and records in the PostgreSQL of ``settings`` (default: of the environment).

    Nothing is imported or connected before the first export.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings.from_environment()
        self._redactor = make_redactor(self._settings)
        self.name = postgres_name(self._settings)
        self._writer: Writer | None = None
        self._lock = threading.Lock()  # export() may be called by a processor's thread and by force_flush

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Store ended spans, their ``log`` events as lines. The SDK does not try a failed batch again."""
        try:
            self.ship([self._redactor.record(record) for record in to_records(spans)], None)
        except JobLogError as error:
            report("PostgresSpanExporter", "%d spans could not be stored: %s", len(spans), error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def prepare(self) -> None:
        """Import psycopg and what else storing takes."""
        import importlib.readers  # which the first query is read by  # noqa: F401

        from ..store.server import embedded  # noqa: F401
        from ..store.write import writer  # noqa: F401

    def ship(self, records: Sequence[Record], process: Process | None) -> None:
        """Store records, all or none. Raises :class:`~otel_joblog.errors.RecordRefused` where that can never work."""
        if self.name == NOWHERE:
            raise StoreUnavailable("nothing is stored while OTEL_JOBLOG_DSN cannot be used")  # which has been told
        with self._lock:
            self._connected().write(records, process)

    def snapshot(self) -> bytes:
        return b""

    def restore(self, snapshot: bytes) -> None:
        pass

    def beat(self, process_ids: Sequence[bytes]) -> None:
        """Say that these processes live."""
        with self._lock:
            self._connected().beat(process_ids)

    def forget(self, process_ids: Sequence[bytes]) -> None:
        """Say that these processes have ended."""
        with self._lock:
            self._connected().forget(process_ids)

    def settle(self, lost_after: float) -> None:
        """End, as lost, the runs that have given no sign of life for so many seconds."""
        with self._lock:
            self._connected().settle(lost_after)

    def fresh(self) -> PostgresSpanExporter:
        return self

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def shutdown(self) -> None:
        self.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        return True

    def _connected(self) -> Writer:
        if self._writer is None:
            from ..store.server.embedded import resolve_dsn
            from ..store.write.writer import Writer

            self._writer = Writer(lambda: resolve_dsn(self._settings))
        return self._writer
