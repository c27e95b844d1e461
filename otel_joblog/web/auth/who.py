"""Who asks, and how that is known."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from .roles import Role

__all__ = ["ANYBODY", "How", "Person"]


class How(StrEnum):
    OPEN = "open"  # nobody needs to sign in
    PASSWORD = "password"  # noqa: S105 - a way to sign in
    TOKEN = "token"  # noqa: S105
    COOKIE = "cookie"
    PROXY = "proxy"


class Person(NamedTuple):
    """Somebody, or a program, whom a request is answered."""

    name: str
    role: Role
    how: How

    @property
    def lent(self) -> bool:
        """Whether a browser shows it with every request by itself, whichever page makes it."""
        return self.how in {How.COOKIE, How.PROXY}


ANYBODY = Person("", Role.OPERATOR, How.OPEN)
