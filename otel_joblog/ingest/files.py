"""Files of OTLP as JSON lines, a request of traces or logs each: what the ``file`` exporter of a collector writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from ..errors import ImportRefused
from ..records import Record
from ..store.write.writer import Writer
from .otlp import Decoder, Received

__all__ = ["Loaded", "is_otlp", "load"]

BATCH = 2_000  # records written at once

_ABSENT = msgspec.Raw()


class _Signal(msgspec.Struct, rename="camel"):
    resource_spans: msgspec.Raw = _ABSENT
    resource_logs: msgspec.Raw = _ABSENT
    resource_metrics: msgspec.Raw = _ABSENT


_SIGNAL = msgspec.json.Decoder(_Signal)


@dataclass(slots=True)
class Loaded:
    """What a file held."""

    records: int = 0
    rejected: int = 0  # spans and log records that cannot be kept
    reason: str = ""  # why the last of these cannot
    mended: int = 0  # places in strings that were not Unicode


def is_otlp(line: bytes) -> bool:
    """Whether this line is a request of OTLP."""
    try:
        signal = _SIGNAL.decode(line)
    except msgspec.MsgspecError:
        return False
    return any(part is not _ABSENT for part in (signal.resource_spans, signal.resource_logs, signal.resource_metrics))


def load(
    lines: Iterable[bytes],
    writer: Writer,
    redacted: Callable[[Record], Record],
    *,
    before: Callable[[Sequence[Record]], None] = lambda _: None,
) -> Loaded:
    """Write the runs, steps and lines of a file; what is there already stays as it is. Metrics are passed over.

    ``before`` is told each batch before it is written. Raises :class:`ImportRefused`, naming the line, for what is no
    OTLP; and as :meth:`Writer.write`.
    """

    def write(batch: list[Record]) -> int:
        before(batch)
        writer.write(batch)
        return len(batch)

    decoder, loaded, batch = Decoder(), Loaded(), list[Record]()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        received = _decoded(decoder, line, number)
        batch += map(redacted, received.records)
        loaded.rejected += received.rejected
        loaded.reason = received.reason or loaded.reason
        loaded.mended += received.mended
        if len(batch) >= BATCH:
            loaded.records += write(batch)
            batch = []
    loaded.records += write(batch)
    return loaded


def _decoded(decoder: Decoder, line: bytes, number: int) -> Received:
    try:
        signal = _SIGNAL.decode(line)
        if signal.resource_spans is not _ABSENT:
            return decoder.traces(line, json=True)
        if signal.resource_logs is not _ABSENT:
            return decoder.logs(line, json=True)
    except (msgspec.MsgspecError, ImportRefused) as error:
        raise ImportRefused(f"line {number} is not an OTLP request: {error}") from error
    if signal.resource_metrics is not _ABSENT:
        return Received()
    raise ImportRefused(f"line {number} is not an OTLP request: it has neither resourceSpans nor resourceLogs")
