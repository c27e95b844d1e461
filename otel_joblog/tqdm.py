"""``tqdm`` bars that are the progress of the run, too: change ``from tqdm import tqdm`` to this module.

It needs the package ``tqdm`` (``pip install otel-joblog[tqdm]``). A bar looks and behaves as it does without us; one
that is switched off (``disable=True``, or ``disable=None`` where there is no terminal) still feeds the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tqdm.auto import tqdm as _tqdm

from .capture.progress import Tracker

__all__ = ["tqdm", "trange"]


class tqdm(_tqdm):  # type: ignore[misc]  # noqa: N801  (its name is what it is imported by)
    """The ``tqdm`` of ``tqdm.auto``, reporting to the current run."""

    _tracker: Tracker | None = None
    _done: float = 0  # a bar that is switched off does not count
    _unit = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tracker = Tracker()
        self._done = self.n
        if kwargs.get("unit") not in {None, "it"}:
            self._unit = str(kwargs["unit"])
        self._tell()

    def __iter__(self) -> Iterator[Any]:
        if not self.disable:
            yield from super().__iter__()
            return
        try:
            for item in self.iterable:
                yield item
                self.update()
        finally:
            self.close()

    def update(self, n: float | None = 1) -> bool | None:
        shown: bool | None = super().update(n)
        self._done = self._done + (n or 0) if self.disable else self.n
        self._tell()
        return shown

    def reset(self, total: float | None = None) -> None:
        super().reset(total)
        self._done = 0
        self._tell()

    def close(self) -> None:
        if self._tracker is not None:
            if not self.disable:
                self._done = self.n
            self._tell()
            self._tracker.close()
            self._tracker = None
        super().close()

    def _tell(self) -> None:
        if self._tracker is not None:
            self._tracker.say(self._done, self.total, self._unit)


def trange(*args: Any, **kwargs: Any) -> tqdm:
    """``tqdm(range(...))``."""
    return tqdm(range(*args), **kwargs)
