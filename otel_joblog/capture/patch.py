"""Replacing a method or a hook of somebody else's for a while, side by side with others who do the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Patch"]

# How often a class is changed and changed back. Python 3.13 stops remembering what it finds in one that was changed a
# thousand times, and whatever uses it is slower from then on: a log line of any logger by a fifth.
TURNS = 100


class Patch:
    """``make(original, alive)`` gives the replacement; once ``alive`` is empty it must do as the original does.

    That is needed where somebody (Sentry, an OTel instrumentation) has put a replacement of theirs around ours before
    ours was to go: it stays where it is then, and the next :meth:`install` puts a new one around theirs. After
    :data:`TURNS` it stays in any case.
    """

    def __init__(self, owner: Any, name: str, make: Callable[[Callable[..., Any], list[bool]], Any]) -> None:
        self._owner = owner
        self._name = name
        self._make = make
        self._original: Any = None
        self._ours: Any = None
        self._alive: list[bool] = []
        self._turns = 0

    def install(self) -> None:
        original = getattr(self._owner, self._name)
        if original is self._ours:  # it is there
            self._alive.append(True)
            return
        if original is not self._original:  # else ours is made already: this happens with every run
            alive: list[bool] = []
            made = self._make(original, alive)
            self._original, self._alive, self._ours = original, alive, made
        self._alive.append(True)
        self._turns += 1
        setattr(self._owner, self._name, self._ours)

    def uninstall(self) -> None:
        self._alive.clear()
        if self._turns < TURNS and getattr(self._owner, self._name) is self._ours:
            setattr(self._owner, self._name, self._original)
