"""Failed sign-ins are slowed: after some, each makes the next ones wait twice as long."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Throttle"]

FREE_OF_NAME = 5  # failures of a name from an address, before anything waits
FREE_OF_ADDRESS = 20
LONGEST = 60.0  # seconds
FORGOTTEN = 900.0  # seconds after the last one
MOST = 4_096  # names and addresses remembered; the oldest are forgotten first


class _Failures(NamedTuple):
    times: int
    last: float


class Throttle:
    """A name is slowed at one address only: nobody can lock others out from elsewhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str | None], _Failures] = OrderedDict()

    def wait(self, address: str, name: str | None) -> float:
        """Seconds until the next try is looked at; 0: now."""
        now = self._clock()
        return max(
            self._until((address, name), FREE_OF_NAME) - now, self._until((address, None), FREE_OF_ADDRESS) - now, 0.0
        )

    def failed(self, address: str, name: str | None) -> None:
        now = self._clock()
        for key in {(address, name), (address, None)}:
            before = self._failures.pop(key, None)
            count = before.times if before and now - before.last < FORGOTTEN else 0
            self._failures[key] = _Failures(count + 1, now)
        while len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, name: str | None) -> None:
        self._failures.pop((address, name), None)

    def _until(self, key: tuple[str, str | None], free: int) -> float:
        known = self._failures.get(key)
        if known is None or known.times < free:
            return 0.0
        return known.last + min(LONGEST, 2.0 ** min(known.times - free, 10))
