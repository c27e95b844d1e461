"""Runs for the viewer's tests, told record by record and written as the shipper would."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from otel_joblog.conventions import Attribute, RunStatus, Severity, SpanKind, Stream
from otel_joblog.records import (
    Line,
    Process,
    Progress,
    Record,
    Sample,
    SpanEnded,
    SpanEvent,
    SpanLink,
    SpanStarted,
    format_run_id,
)
from otel_joblog.store.write.writer import Writer

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
PROCESS = Process(
    process_id=b"p" * 16,
    started=0,
    pid=4711,
    host="worker-3",
    boot_id="",
    service="etl",
    resource={"service.name": "etl", "host.name": "worker-3"},
)

_numbers = itertools.count(1)


class Story:
    """One run. Times are seconds after its start; everything is in the store when a call returns."""

    def __init__(
        self,
        writer: Writer,
        job: str = "nightly-import",
        *,
        began: int | None = None,
        run_id: str | None = None,
        inside: Story | None = None,
        service: str = PROCESS.service,
        **attributes: Any,
    ) -> None:
        """``inside`` is the run that it is a child of; without a ``run_id`` it gets one of its own."""
        number = next(_numbers)
        self._writer = writer
        self._process = structs.replace(PROCESS, service=service)
        self.job = job
        self.parent = inside
        trace_id = bytes([number % 251 + 1, *number.to_bytes(15, "big")])
        self.trace_id = inside.trace_id if inside else trace_id
        self.span_id = number.to_bytes(8, "big")
        if run_id:
            self.trace_id, self.span_id = map(bytes.fromhex, run_id.split("-"))
        self.began = began or time.time_ns() - 5 * MINUTE
        self.attributes = {Attribute.JOB_NAME: job, Attribute.TRIGGER: "schedule", **attributes}
        self.lines = 0
        self.steps: dict[str, bytes] = {}
        self._step_attributes: dict[str, dict[str, Any]] = {}
        self._write(SpanStarted(SpanKind.JOB, *self._own_ids(), self.began, job, 0, self.attributes))

    @property
    def run_id(self) -> str:
        return format_run_id(self.trace_id, self.span_id)

    def at(self, seconds: float) -> int:
        return self.began + round(seconds * SECOND)

    def step(self, name: str, *, begin: float = 0.0, inside: str | None = None, **attributes: Any) -> str:
        """Begins a step and gives its span id as text."""
        span_id = (1_000_000 * len(self.steps) + 1_000 + int.from_bytes(self.span_id, "big")).to_bytes(8, "big")
        self.steps[name] = span_id
        self._step_attributes[name] = attributes
        ids = self._ids(span_id, self.steps[inside] if inside else self.span_id)
        self._write(SpanStarted(SpanKind.STEP, *ids, self.at(begin), name, len(self.steps), attributes))
        return span_id.hex()

    def end_step(
        self,
        name: str,
        *,
        begin: float = 0.0,
        end: float,
        inside: str | None = None,
        error: tuple[str, str, str] | None = None,
    ) -> None:
        ids = self._ids(self.steps[name], self.steps[inside] if inside else self.span_id)
        place = list(self.steps).index(name) + 1
        started = (SpanKind.STEP, *ids, self.at(begin), name, place, self._step_attributes[name])
        self._write(SpanEnded(*started, self.at(end), *_outcome(error, self.at(end)), [], 0, "", True))

    def say(
        self,
        *messages: str,
        severity: int = Severity.INFO,
        step: str | None = None,
        at: float | None = None,
        stream: int = Stream.LOG,
        every: float = 0.001,
        **extras: Any,
    ) -> None:
        """Writes lines, the first one ``at`` so many seconds, each a bit later than the one before."""
        first = self.at(at) if at is not None else self.at(1 + self.lines * every)
        span_id = self.steps[step] if step else self.span_id
        lines = [
            Line(
                self.trace_id,
                self.span_id,
                span_id,
                first + round(place * every * SECOND),
                self.lines + place + 1,
                severity,
                stream,
                "etl" if stream == Stream.LOG else "",
                message,
                extras or None,
            )
            for place, message in enumerate(messages)
        ]
        self.lines += len(lines)
        self._write(*lines)

    def progress(
        self, current: float, total: float | None = None, unit: str = "", *, since: float | None = None
    ) -> None:
        """Progress after a second; ``since`` says when this count began."""
        ids = (self.trace_id, self.span_id, self.span_id)
        began = 0 if since is None else self.at(since)
        self._write(Progress(*ids, self.at(1), current, total, unit, began))

    def sample(self, *used: tuple[float, int | None, float]) -> None:
        """Samples: seconds after the start, bytes of memory, seconds of CPU so far."""
        self._write(
            *(
                Sample(self.trace_id, self.span_id, self.at(at), seq, memory, cpu, self.began)
                for seq, (at, memory, cpu) in enumerate(used, 1)
            )
        )

    def end(
        self,
        status: RunStatus = RunStatus.SUCCESS,
        message: str = "",
        *,
        at: float = 60.0,
        error: tuple[str, str, str] | None = None,
        emitted: int | None = None,
        links: Sequence[SpanLink] = (),
    ) -> None:
        """Ends the run; with ``error`` (type, message, traceback) it failed by that."""
        outcome = _outcome(error, self.at(at)) if error else (status, message, [])
        started = (SpanKind.JOB, *self._own_ids(), self.began, self.job, 0, self.attributes)
        counts = (self.lines if emitted is None else emitted, len(self.steps))
        self._write(SpanEnded(*started, self.at(at), *outcome, list(links), 0, "", True, *counts))

    def _ids(self, span_id: bytes, parent: bytes | None) -> tuple[bytes, bytes, bytes | None, bytes, None]:
        return self.trace_id, span_id, parent, self.span_id, None

    def _own_ids(self) -> tuple[bytes, bytes, bytes | None, bytes, bytes | None]:
        parent = self.parent.span_id if self.parent else None
        return self.trace_id, self.span_id, parent, self.span_id, parent

    def _write(self, *records: Record) -> None:
        self._writer.write(records, process=self._process)


def _outcome(error: tuple[str, str, str] | None, time: int) -> tuple[RunStatus, str, list[SpanEvent]]:
    if error is None:
        return RunStatus.SUCCESS, "", []
    names = (Attribute.EXCEPTION_TYPE, Attribute.EXCEPTION_MESSAGE, Attribute.EXCEPTION_STACKTRACE)
    event = SpanEvent(time, "exception", dict(zip(names, error, strict=True)))
    return RunStatus.ERROR, f"{error[0]}: {error[1]}", [event]
