"""What changes, told to all who listen: one poll of the store for all of them, and none while nobody does.

An event says which runs have changed, not how: a listener asks for what it shows of them. Events have an id, and the
latest 256 are kept, so that who was cut off for a moment is told what it missed. Who missed more is told to begin anew.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from typing import NamedTuple

import msgspec

from ..errors import StoreError
from ..store.read.pulse import Mark
from ..store.read.reader import Reader

__all__ = ["Change", "Event", "Pulse"]

EVERY = 1.0  # seconds from one look to the next
BEAT = 15.0  # seconds without an event until a listener is told that all is well
LISTENERS = 200  # at once
KEPT = 256  # events
TOLD = 100  # runs named in an event; of more it is said that there are more


class Change(msgspec.Struct, frozen=True):
    """A run that is new, or is not as it was."""

    run_id: str
    job: str
    service: str
    status: str
    new: bool


class Event(NamedTuple):
    """``kind`` is ``runs``, ``reset`` (begin anew), ``away`` (the store does not answer) or ``beat`` (all is well)."""

    kind: str
    number: int = 0
    changes: list[Change] = []  # noqa: RUF012  (never changed)
    more: bool = False  # more have changed than are named


class Pulse:
    """For the life of an application, on its event loop."""

    def __init__(self, reader: Reader, *, every: float = EVERY, beat: float = BEAT, most: int = LISTENERS) -> None:
        self._reader = reader
        self._every, self._beat, self._most = every, beat, most
        self._instance = secrets.token_hex(4)  # numbers are those of one process
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._number = 0
        self._known: dict[str, Mark] | None = None
        self._away = False
        self._listeners = 0
        self._news = asyncio.Event()  # replaced once it is set
        self._looked = asyncio.Event()  # what changes from now on is told
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Every stream ends, and none begins any more."""
        self._stopped = True
        self._looked.set()
        self._tell()

    def id_of(self, event: Event) -> str:
        return f"{self._instance}-{event.number}"

    @property
    def full(self) -> bool:
        """As many listen as may, or it has been stopped."""
        return self._stopped or self._listeners >= self._most

    async def listen(self, last_id: str = "") -> AsyncGenerator[Event, None]:
        """Events from now on, or from the one after ``last_id``; none where it is :attr:`full`."""
        if self.full:
            return
        self._listeners += 1
        try:
            if self._task is None:
                self._task = asyncio.create_task(self._look_again_and_again())
            await self._looked.wait()
            seen = self._place_of(last_id)
            if seen is None:
                seen = self._number
                yield Event("reset", seen)
            while not self._stopped:
                news = self._news
                if seen < self._number and (not self._events or seen + 1 < self._events[0].number):
                    seen = self._number
                    yield Event("reset", seen)
                for event in [event for event in self._events if event.number > seen]:
                    seen = event.number
                    yield event
                if seen < self._number or self._stopped:
                    continue
                try:
                    await asyncio.wait_for(news.wait(), self._beat)
                except TimeoutError:
                    yield Event("beat", seen)
        finally:
            self._listeners -= 1
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None
                self._looked.clear()
                self._known = None  # what changes while nobody looks is told to nobody

    def _place_of(self, last_id: str) -> int | None:
        """The number in an id of ours; None where it is not, or where what came after it is not known any more."""
        instance, _, number = last_id.partition("-")
        if instance != self._instance or not (number.isascii() and number.isdigit()):
            return None
        place = int(number)
        # While nobody listened nobody looked: then only who listens on has missed nothing.
        return place if place <= self._number and self._known is not None else None

    async def _look_again_and_again(self) -> None:
        while not self._stopped:
            try:
                self._compare(await self._reader.marks())
            except StoreError:
                if not self._away:
                    self._away = True
                    self._add("away")
            self._looked.set()
            await asyncio.sleep(self._every)

    def _compare(self, now: dict[str, Mark]) -> None:
        before, self._known = self._known, now
        if self._away:
            self._away = False
            self._add("reset")
            return
        if before is None:
            return
        changes = [
            Change(run_id, mark.job, mark.service, mark.status.value, new=run_id not in before)
            for run_id, mark in now.items()
            if before.get(run_id) != mark
        ]
        # What was open and is neither open nor among the newest any more has ended.
        changes += [
            Change(run_id, mark.job, mark.service, "", new=False)
            for run_id, mark in before.items()
            if run_id not in now and not mark.status.terminal
        ]
        if changes:
            self._add("runs", changes[:TOLD], more=len(changes) > TOLD)

    def _add(self, kind: str, changes: list[Change] | None = None, *, more: bool = False) -> None:
        self._number += 1
        self._events.append(Event(kind, self._number, changes or [], more))
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
