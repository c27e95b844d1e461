"""``progress`` and ``track``: how far the current run has come."""

from __future__ import annotations

from ..interruption import foreign
from .engine import current as innermost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
    from typing import Any, TypeVar, overload

    from .count import Count
    from .runs import ActiveRun

    T = TypeVar("T")
else:

    def overload(function):
        return function


__all__ = ["Tracker", "progress", "track"]


def progress(current: float, total: float | None = None, unit: str = "") -> None:
    """Say how far the current run has come: ``progress(120, 400, "files")``.

    Cheap enough for every iteration: at most two a second are recorded, and the last one always. Outside of a run it
    does nothing.

    :param current: what is done so far.
    :param total: what there is to do; None where that is not known.
    :param unit: what is counted.
    """
    active = innermost()
    if active is not None:
        active.run.count.say(current, total, unit)


@overload
def track(iterable: Iterable[T], total: float | None = None, unit: str = "") -> Iterator[T]: ...


@overload
def track(iterable: AsyncIterable[T], total: float | None = None, unit: str = "") -> AsyncIterator[T]: ...


def track(
    iterable: Iterable[T] | AsyncIterable[T], total: float | None = None, unit: str = ""
) -> Iterator[T] | AsyncIterator[T]:
    """Loop over anything, and let the current run's progress follow::

        for row in track(rows, unit="rows"):
            ...

        async for page in track(pages(), total=40):
            ...

    What it yields is what ``iterable`` yields. An item counts as done when the next one is asked for; a loop that is
    left early, or by an exception, leaves the progress where it stood. Of loops inside one another the outermost is the
    run's progress.

    :param iterable: what to loop over, also asynchronously.
    :param total: how many there will be; default its length, where it has one.
    :param unit: what is counted.
    """
    either: Any = iterable
    if hasattr(iterable, "__aiter__"):
        return _each_async(either, total, unit)
    return _each(either, _length(either) if total is None else total, unit)


class Tracker:
    """One loop or bar: its count is the progress of the run that it began in, unless it is inside of another one."""

    def __init__(self) -> None:
        active = innermost()
        self._run: ActiveRun | None = None if active is None else active.run
        count = self._count
        if count is not None:
            if count.tracker is None:
                count.tracker = self
            else:
                self._run = None

    def say(self, current: float, total: float | None, unit: str) -> None:
        if self._run is not None:
            self._run.count.say(current, total, unit)

    def close(self) -> None:
        """Its loop is over: what comes next may be the run's progress."""
        count = self._count
        if count is not None and count.tracker is self:
            count.tracker = None

    @property
    def _count(self) -> Count | None:
        return None if self._run is None else self._run.count


def _each(iterable: Iterable[T], total: float | None, unit: str) -> Iterator[T]:
    tracker = Tracker()
    say = tracker.say
    done = 0
    say(0, total, unit)
    try:
        for item in iterable:
            yield item
            done += 1
            say(done, total, unit)
    finally:
        tracker.close()


async def _each_async(iterable: AsyncIterable[T], total: float | None, unit: str) -> AsyncIterator[T]:
    tracker = Tracker()
    say = tracker.say
    done = 0
    say(0, total, unit)
    try:
        async for item in iterable:
            yield item
            done += 1
            say(done, total, unit)
    finally:
        tracker.close()


def _length(iterable: Any) -> int | None:
    sized: Sized = iterable
    try:
        return len(sized)
    except Exception as error:  # it has none, or none yet
        if foreign(error):
            raise
        return None
