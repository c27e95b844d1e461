"""The language in which people ask for runs, in the box of the page, the API and ``otel-joblog list`` alike.

``status:error job:billing.* since:7d duration:>60s attr.customer:42 "timed out" -host:web-1``: all of it must hold. A
term is a key and a value, or text to be found. Several values with commas mean any of them, ``-`` in front means not.
In the values of texts ``*`` stands for anything, but not in double quotes, which a value with spaces or commas needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .filters import OUTCOME_WORDS, one_of
from .moments import moment

__all__ = ["KEYS", "QueryError", "RunQuery", "Term", "Value", "parse_duration"]

TEXTS = ("job", "service", "type", "host", "trigger", "ref")
IS = ("slow", "unresponsive")
KEYS = ("status", *TEXTS, "since", "until", "duration", "attempt", "error", "is", "attr.NAME")
_ALIASES = {"reference": "ref"}
_MOST = 2_000  # characters of a query

_KEY = re.compile(r'(attr\.(?:"((?:[^"\\]|\\.)+)"|[^\s:",]+)|[A-Za-z_]+):', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r'[^\s",]+')
_WORD = re.compile(r'[^\s"]+')
_COMPARISON = re.compile(r"(>=|<=|>|<|)(.*)", re.DOTALL)
_DURATION = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)(ms|s|m|h|d|)")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_UNSTORED = re.compile("[\0\ud800-\udfff]")
_ERROR_KEY = re.compile(r"[0-9a-f]{16}")


class QueryError(ValueError):
    """A query that cannot be read; the message says where, and what could stand there."""


class Value(NamedTuple):
    text: str
    pattern: bool = False  # its ``*`` stand for anything


class Term(NamedTuple):
    """``key`` is one of :data:`KEYS`, of an attribute ``attr.`` and its name, or empty for text to be found."""

    key: str
    values: tuple[Value, ...]
    negated: bool = False

    def __str__(self) -> str:
        sign = "-" if self.negated else ""
        if not self.key:
            return sign + _text_written(self.values[0].text)
        key = self.key
        if key.startswith("attr.") and not re.fullmatch(r'attr\.[^\s:",]+', key):
            key = f"attr.{_quoted(key.removeprefix('attr.'))}"
        return f"{sign}{key}:{','.join(map(_written, self.values))}"


class RunQuery(NamedTuple):
    """What is asked for; its text is ``str(query)``, which reads back as the same."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunQuery:
        """Raises :class:`QueryError`."""
        if len(text) > _MOST:
            raise QueryError(f"a query has {_MOST:,} characters at most")
        return cls().having(_terms(text))

    @classmethod
    def of(cls, **parameters: Any) -> RunQuery:
        """The query of the parameters of the API: texts, ``status`` as words or states, ``retried``, times.

        What is None or empty is not asked for. Raises :class:`QueryError`.
        """
        return cls().having(_parameters(parameters))

    def having(self, terms: Iterable[Term]) -> RunQuery:
        """This and more. Raises :class:`QueryError` where something would be asked for twice."""
        query = self
        for term in terms:
            if other := next((known for known in query.terms if _exclude(known, term)), None):
                raise QueryError(
                    f"{other} and {term} ask for the same: give one, or several values with commas, as in "
                    f"{term.key or 'status'}:a,b"
                )
            if term not in query.terms:
                query = RunQuery((*query.terms, term))
        return query

    def without(self, *terms: Term) -> RunQuery:
        return RunQuery(tuple(term for term in self.terms if term not in terms))

    def replacing(self, *terms: Term) -> RunQuery:
        """This with other terms instead of those of the same keys."""
        keys = {term.key for term in terms}
        return RunQuery((*(term for term in self.terms if term.key not in keys or term.negated), *terms))

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))


def parse_duration(text: str) -> tuple[str, float]:
    """The comparison and the seconds of ``>60s``. Raises ValueError."""
    sign, number = _compared(text)
    match = _DURATION.fullmatch(number.strip().lower())
    if not sign or match is None:
        raise ValueError("say longer or shorter than what, as in duration:>60s, <200ms, >=1.5h")
    return sign, float(match[1]) * _SECONDS[match[2]]


def parse_attempt(text: str) -> tuple[str, int]:
    """The comparison, empty for exactly, and the number of ``>1``. Raises ValueError."""
    sign, number = _compared(text)
    if not (number.isascii() and number.isdigit() and len(number) < 5):
        raise ValueError("give a number, as in attempt:>1 or attempt:2")
    return sign, int(number)


def _compared(text: str) -> tuple[str, str]:
    match = _COMPARISON.fullmatch(text)
    assert match is not None
    return match[1], match[2]


# Reading


def _terms(text: str) -> Iterator[Term]:
    place = 0
    while match := re.compile(r"\s*(-?)(?=\S)").match(text, place):
        begin, place = match.start(1), match.end()
        negated = bool(match[1])
        try:
            if quoted := _QUOTED.match(text, place):
                term, place = Term("", (Value(_unescaped(quoted[1])),), negated), quoted.end()
            elif text[place] == '"':
                raise ValueError('the quotes are not closed: put a " behind the last word')
            elif key := _KEY.match(text, place):
                name = _known(key)
                values, place = _values(text, key.end())
                term = Term(name, values, negated)
            else:
                word = _WORD.match(text, place)
                assert word is not None
                if ":" in word[0]:
                    raise ValueError(f"put text with a colon in quotes; {_offer()}")
                term, place = Term("", (Value(word[0]),), negated), word.end()
            _check(term)
        except ValueError as error:
            shown = text[begin : begin + 40] + ("…" if len(text) > begin + 40 else "")
            raise QueryError(f"at character {begin + 1}, {shown!r}: {error}") from None
        yield term


def _known(key: re.Match[str]) -> str:
    if key[2] is not None:
        return f"attr.{_unescaped(key[2])}"
    if key[1].startswith("attr."):
        return key[1]
    name = _ALIASES.get(key[1].lower(), key[1].lower())
    if name not in KEYS:
        raise ValueError(f"there is no key {key[1]!r}; {_offer()}, or put the text in quotes")
    return name


def _offer() -> str:
    return f"use {', '.join(KEYS[:-1])} or {KEYS[-1]}"


def _values(text: str, place: int) -> tuple[tuple[Value, ...], int]:
    values: list[Value] = []
    while True:
        if quoted := _QUOTED.match(text, place):
            values.append(Value(_unescaped(quoted[1])))
            place = quoted.end()
        elif bare := _BARE.match(text, place):
            values.append(Value(bare[0], "*" in bare[0]))
            place = bare.end()
        else:
            raise ValueError("a value is missing" if text[place : place + 1] != '"' else "the quotes are not closed")
        if text[place : place + 1] != ",":
            break
        place += 1
    if text[place : place + 1].strip():
        raise ValueError("put a space behind the closing quotes")
    return tuple(values), place


def _check(term: Term) -> None:
    if _UNSTORED.search("".join([term.key, *(value.text for value in term.values)])):
        raise ValueError("no text holds NUL characters or halves of surrogate pairs")
    if any(not value.text for value in term.values) and term.key not in TEXTS:
        raise ValueError("a value is missing")
    if check := _CHECKS.get(term.key):
        if len(term.values) > 1 and term.key not in _SEVERAL:
            raise ValueError(f"{term.key} has one value")
        if term.negated and term.key not in ("status", "error"):
            raise ValueError(f"-{term.key} is not known: say it the other way round")
        for value in term.values:
            check(value.text)


def _status(text: str) -> None:
    one_of(OUTCOME_WORDS, text)


def _error(text: str) -> None:
    if not _ERROR_KEY.fullmatch(text):
        raise ValueError("give the key of a kind of error, 16 digits of lower-case hex, as `otel-joblog errors` prints")


def _moment(text: str) -> None:
    moment(text, UTC, datetime.now(UTC))


_CHECKS: dict[str, Callable[[str], object]] = {
    "status": _status,
    "error": _error,
    "since": _moment,
    "until": _moment,
    "duration": parse_duration,
    "attempt": parse_attempt,
    "is": lambda text: one_of(IS, text),
}
_SEVERAL = ("status", "error")
_RETRIED = Value("retried")


def _exclude(known: Term, term: Term) -> bool:
    """Whether both cannot hold, or say the same twice: a key is asked for once, a duration from either side."""
    if known == term or known.key != term.key or not term.key or term.negated or known.negated or term.key == "is":
        return False
    if term.key == "status":  # a failed run may be asked for that was retried
        return (_RETRIED in known.values) == (_RETRIED in term.values)
    if term.key == "duration":
        return known.values[0].text[0] == term.values[0].text[0]
    return True


# Writing


def _written(value: Value) -> str:
    safe = _BARE.fullmatch(value.text) and (value.pattern or "*" not in value.text)
    return value.text if safe else _quoted(value.text)


def _text_written(text: str) -> str:
    return text if _WORD.fullmatch(text) and ":" not in text and not text.startswith("-") else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


# Of parameters


def _parameters(given: Mapping[str, Any]) -> Iterator[Term]:
    for name, value in given.items():
        if value is None or value == "" or (name == "status" and not value):
            continue
        if name == "status":
            words = [value] if isinstance(value, str) else [str(word) for word in value]
            several = [word.strip().lower() for word in ",".join(words).split(",") if word.strip()]
            if several:
                yield _checked(Term("status", tuple(Value(word) for word in dict.fromkeys(several))))
        elif name == "retried":
            yield Term("status", (Value("retried"),), negated=not value)
        else:
            text = value.isoformat() if isinstance(value, datetime) else str(value)
            yield _checked(Term(_ALIASES.get(name, name), (Value(text),)))


def _checked(term: Term) -> Term:
    if term.key not in KEYS:
        raise QueryError(f"there is no key {term.key!r}; {_offer()}")
    try:
        _check(term)
    except ValueError as error:
        raise QueryError(f"{term}: {error}") from None
    return term
