"""From bodies to rows: a few threads, each with a connection of its own.

How a lane works:

1. It takes what waits, several requests at once where there are, up to a bound: their records go in by one transaction.
2. It unpacks and decodes each, one lane at a time, and redacts it. One that is none of OTLP is answered by itself.
3. It keeps the records (``keep``: written and committed, or in the journal), and only then are the requests answered.
4. Where the database refuses a batch for ever, its requests are kept one by one, and of the one at fault each half by
   itself, until what can be kept is. The rest is told as rejected.
5. Where there is no database, all are told to come again, and for a moment nobody else is let in.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from ..diagnostics import report
from ..errors import ImportRefused, RecordRefused
from ..records import Process, Record
from ..redaction import Redactor
from .answers import Refusal, Signal
from .body import unpacked
from .otlp import Decoder, Received

__all__ = ["Keeper", "Lanes", "Work"]

MERGED_BYTES = 4 * 1024**2  # of unpacked bodies in one transaction, but for a larger one
MERGED_REQUESTS = 64
AWAY = 1.0  # seconds that nobody is let in after nothing could be stored
STOP = 10.0  # seconds that a stopping lane is given for what waits


class Keeper(Protocol):
    """What keeps records, such as a :class:`~otel_joblog.store.write.writer.Writer`; each lane has one of its own."""

    def write(self, records: Sequence[Record], /) -> None:
        """Keep these, all or none; raises as the Writer does."""

    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class Work:
    """A request's body, on its way; ``done`` becomes what it held, or the refusal."""

    signal: Signal
    json: bool
    encoding: str
    body: bytes
    done: Future[Received] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Lanes:
    """The threads. ``make_keeper`` is called once by each."""

    def __init__(
        self,
        decoder: Decoder,
        make_keeper: Callable[[], Keeper],
        *,
        most_bytes: int,
        redactor: Redactor,
        number: int = 2,
    ) -> None:
        self._decoder = decoder
        self._make_keeper = make_keeper
        self._most_bytes = most_bytes
        self._redactor = redactor
        self._waiting: deque[Work] = deque()
        self._changed = threading.Condition()
        self._decoding = threading.Lock()  # a small body can become many objects: those of one at a time
        self._stopping = False
        self._away_until = 0.0
        self.trouble = ""  # why nothing could be stored, when last it could not
        self._threads = [
            threading.Thread(target=self._run, name=f"otel_joblog-ingest-{place}", daemon=True)
            for place in range(number)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what waits, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + STOP
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def away(self) -> bool:
        """Whether nothing could be stored a moment ago."""
        return time.monotonic() < self._away_until

    @property
    def lag(self) -> float:
        """Seconds that the oldest request has waited for a lane."""
        try:
            return time.monotonic() - self._waiting[0].since
        except IndexError:
            return 0.0

    def submit(self, work: Work) -> None:
        with self._changed:
            self._waiting.append(work)
            self._changed.notify()

    def _run(self) -> None:
        with contextlib.closing(self._make_keeper()) as keeper:
            while (first := self._first()) is not None:
                self._take(first, keeper)

    def _first(self) -> Work | None:
        """Waits for work; None when the lane is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return self._waiting.popleft() if self._waiting else None

    def _take(self, first: Work, keeper: Keeper) -> None:
        """Steps 1 to 3."""
        decoded: list[tuple[Work, Received]] = []
        size = 0
        work: Work | None = first
        try:
            while work is not None:
                size += self._decode(work, decoded)
                work = self._next() if size < MERGED_BYTES and len(decoded) < MERGED_REQUESTS else None
            self._keep(decoded, keeper)
        except Exception as error:
            self._trouble(error)
            refusal = Refusal(503, self.trouble, retry_after=5)
            for told in [work for work, _ in decoded] + ([work] if work is not None else []):
                if not told.done.done():
                    told.done.set_exception(refusal)

    def _next(self) -> Work | None:
        with self._changed:
            return self._waiting.popleft() if self._waiting else None

    def _decode(self, work: Work, decoded: list[tuple[Work, Received]]) -> int:
        """Step 2; returns the size of the unpacked body."""
        if not work.done.set_running_or_notify_cancel():
            return 0  # nobody waits for it any more
        try:
            decode = self._decoder.traces if work.signal == "traces" else self._decoder.logs
            with self._decoding:
                body = unpacked(work.body, work.encoding, self._most_bytes)
                work.body = b""
                received = decode(body, json=work.json)
        except Refusal as refusal:
            work.done.set_exception(refusal)
            return 0
        except ImportRefused as error:
            work.done.set_exception(Refusal(400, str(error)))
            return 0
        received.records = self._redactor.records(received.records)
        decoded.append((work, received))
        return len(body)

    def _keep(self, decoded: list[tuple[Work, Received]], keeper: Keeper) -> None:
        """Steps 3 and 4."""
        records = [record for _, received in decoded for record in received.records]
        try:
            if records:
                keeper.write(records)
        except RecordRefused as refusal:
            if len(decoded) > 1:
                for one in decoded:
                    self._keep([one], keeper)
                return
            received = decoded[0][1]
            for _ in range(_kept_by_halves(received.records, keeper)):
                received.reject(str(refusal))
        for work, received in decoded:
            if not work.done.done():
                work.done.set_result(received)

    def _trouble(self, error: Exception) -> None:
        """Step 5. A fault of our own is treated like an outage, but it is seen: nothing is lost by it either."""
        self.trouble = f"nothing can be stored now: {error}"
        self._away_until = time.monotonic() + AWAY
        report(f"ingest: {type(error).__name__}", "what came in could not be stored: %s", error, outage=True)


def _kept_by_halves(records: Sequence[Record], keeper: Keeper, speaker: Process | None = None) -> int:
    """Keeps what can be kept; returns how many records cannot."""
    if len(records) == 1:
        try:
            keeper.write([*([speaker] if speaker else []), *records])
        except RecordRefused:
            return 1
        return 0
    middle = len(records) // 2
    refused = 0
    for half in (records[:middle], records[middle:]):
        try:
            keeper.write([*([speaker] if speaker else []), *half])
        except RecordRefused:
            refused += _kept_by_halves(half, keeper, speaker)
        speaker = next((record for record in reversed(half) if isinstance(record, Process)), speaker)
    return refused
