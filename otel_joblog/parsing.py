"""Settings as words: each function makes a value of a variable's text, or raises ValueError with what would do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

__all__ = [
    "PartlyUsable",
    "age",
    "dsn",
    "flag",
    "folder",
    "level",
    "names",
    "number",
    "one_of",
    "patterns",
    "seconds",
    "size",
    "trace_url",
]

_SMALLEST = 1024**2
_MOST_DAYS = 36_500
_DAYS = {"d": 1, "w": 7, "y": 365}


def flag(text: str) -> bool:
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError("use true or false")


def seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 86_400:
        raise ValueError("use seconds, from 0 to 86400")
    return value


def level(text: str) -> int:
    import logging

    found = int(text) if text.strip().isdigit() else logging.getLevelNamesMapping().get(text.strip().upper())
    if found is None:
        raise ValueError("use DEBUG, INFO, WARNING, ERROR, CRITICAL or a number")
    return found


def one_of(choice: Any) -> Callable[[str], str]:
    """The parser of a ``Literal`` of words."""
    words = get_args(choice)

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"use {', '.join(words[:-1])} or {words[-1]}")
        return word

    return parse


def size(text: str) -> int:
    match = re.fullmatch(r"\s*(\d+)\s*([KMG]i?B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError("use bytes, or a number with KiB, MiB or GiB")
    unit = (match[2] or "").upper()
    found = int(match[1]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[unit[:1]]
    if found < _SMALLEST:
        raise ValueError("use 1 MiB or more")
    return found


def number(text: str) -> int:
    if not text.strip().isdecimal() or not int(text):
        raise ValueError("use a number, from 1")
    return int(text)


def age(text: str) -> int | None:
    """Days, from ``90d``, ``12w``, ``2y`` or ``90``; None from ``never``. Raises ValueError for anything else."""
    word = text.strip().lower()
    if word == "never":
        return None
    match = re.fullmatch(r"(\d{1,5})\s*([dwy]?)", word)
    days = int(match[1]) * _DAYS[match[2] or "d"] if match else _MOST_DAYS + 1
    if days > _MOST_DAYS:
        raise ValueError("use days, weeks or years, at most 100 years, such as 90d, 12w or 2y; or never")
    return days


def trace_url(text: str) -> str:
    """A template, which becomes a link on a page: nothing but a web address may come of it."""
    address = text.strip()
    if not re.match(r"https?://[^/?#{}\s]", address, re.IGNORECASE) or "{trace_id}" not in address:
        raise ValueError("use an address of http or https with {trace_id} in it")
    if not address.isprintable() or " " in address:
        raise ValueError("it must not hold spaces or control characters")
    return address


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,\r\n]", text) if part.strip(" _.-"))


def patterns(text: str) -> tuple[str, ...]:
    """One a line. Raises :class:`PartlyUsable` where some are none."""
    usable, broken = [], []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            if re.compile(line).search("") is not None:
                raise ValueError("matches the empty text")
            usable.append(line)
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            broken.append(f"the regular expression {line!r} {error}")
    if broken:
        raise PartlyUsable("; ".join(broken), tuple(usable))
    return tuple(usable)


class PartlyUsable(ValueError):
    """A part of a value cannot be used; ``usable`` is what holds instead, and ``told`` says so."""

    def __init__(self, problem: str, usable: Any, told: str = "the rest is used") -> None:
        super().__init__(problem)
        self.usable = usable
        self.told = told


HOW_TO_SAY_A_DSN = (
    "use postgresql://user:password@host:port/database, with %40 for an @ and %2F for a / in the password, "
    "or host=… port=… dbname=… user=… password=…"
)


def dsn(text: str) -> str:
    """A connection string. Raises :class:`PartlyUsable` for anything else: no other database is meant by it."""
    from .dsn import words_of

    word = text.strip()
    try:
        words_of(word)
    except ValueError:
        raise PartlyUsable(
            HOW_TO_SAY_A_DSN,
            word,
            "records wait in the journal",
        ) from None
    return word


def folder(text: str) -> Path:
    return Path(text).expanduser().absolute()
