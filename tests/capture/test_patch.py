"""Replacements of others' methods: in place while they are needed, and not put there and taken away for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otel_joblog.capture import patch as patches
from otel_joblog.capture.patch import TURNS, Patch


class Counting(type):
    changes = 0

    def __setattr__(cls, name: str, value: Any) -> None:
        type.__setattr__(cls, name, value)
        Counting.changes += 1


class Owner(metaclass=Counting):
    def say(self) -> str:
        return "as ever"


def replacing(original: Callable[[Any], str], alive: list[bool]) -> Callable[[Any], str]:
    def say(owner: Owner) -> str:
        return "replaced" if alive else original(owner)

    return say


def test_a_class_is_changed_a_bounded_number_of_times_in_a_long_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "TURNS", TURNS)
    original, patch, owner = Owner.say, Patch(Owner, "say", replacing), Owner()
    for turn in range(10 * TURNS):
        patch.install()
        assert owner.say() == "replaced"
        patch.uninstall()
        assert owner.say() == "as ever"
        assert (Owner.say is original) == (turn < TURNS - 1)
    assert Counting.changes <= 2 * TURNS  # Python 3.13 bears a thousand
