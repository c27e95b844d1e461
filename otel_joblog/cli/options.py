"""Filters that several commands take, by the API's names and words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import click

from ..conventions import RunStatus
from ..filters import LEVEL_WORDS, OUTCOME_WORDS, STATUS_WORDS, STREAM_WORDS, outcomes, severity, statuses, stream
from ..runquery import RunQuery
from .printing.times import MomentType

__all__ = ["AFTER", "DAYS", "LEVEL", "QUERY", "SINCE", "STATUS", "STREAM", "UNTIL", "limit", "run_filters"]

_ERROR_KEY = re.compile(r"[0-9a-f]{16}")

Callback = Callable[[click.Context, click.Parameter, Any], Any]


def _read(read: Callable[[Any], Any], what: str) -> Callback:
    """A callback that reads what was given; what cannot be read is named with the words that would do."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if not value:
            return None
        try:
            return read(value)
        except ValueError as error:
            given = value if isinstance(value, str) else ",".join(value)
            raise click.BadParameter(f"{given!r} is no {what}: {error}", context, parameter) from None

    return callback


def _statuses(given: tuple[str, ...]) -> list[RunStatus] | None:
    return statuses(given) or None


def _error_key(given: str) -> str:
    if not _ERROR_KEY.fullmatch(given):
        raise ValueError("give the 16 digits that `otel-joblog errors` prints as KEY")
    return given


_JOB = click.option("--job", help="Only runs of this job.")
_SERVICE = click.option("--service", help="Only runs of this service.")
_TYPE = click.option("--type", help="Only runs of this type, such as cron, queue, command, or a word of your own.")
_REFERENCE = click.option("--reference", help="Only runs about this reference.")
STATUS = click.option(
    "--status",
    multiple=True,
    metavar="WORD",
    callback=_read(_statuses, "status"),
    help=f"Only runs in this state, or in one of several with commas: {', '.join(STATUS_WORDS)}.",
)
_OUTCOME = click.option(
    "--status",
    multiple=True,
    metavar="WORD",
    callback=_read(outcomes, "status"),
    help=f"Only runs in this state, or in one of several with commas: {', '.join(OUTCOME_WORDS)}. "
    "Failed attempts that another one followed are retried, not failed.",
)
_ERROR = click.option(
    "--error",
    metavar="KEY",
    callback=_read(_error_key, "kind of error"),
    help="Only runs that failed by this kind of error: a KEY of `otel-joblog errors`.",
)
LEVEL = click.option(
    "--level",
    metavar="LEVEL",
    callback=_read(severity, "level"),
    help=f"Only lines of this level or worse: {', '.join(LEVEL_WORDS)}.",
)
STREAM = click.option(
    "--stream",
    metavar="STREAM",
    callback=_read(stream, "stream"),
    help=f"Only lines of a logger or of an output: {', '.join(STREAM_WORDS)}.",
)
SINCE = click.option(
    "--since", type=MomentType(), help="Only from this time on: 24h, 7d, or a time such as 2026-11-03T03:00."
)
UNTIL = click.option("--until", type=MomentType(), help="Only before this time.")
DAYS = click.option(
    "--days", type=click.IntRange(1, 366), default=30, show_default=True, help="So many days of UTC, with today."
)
AFTER = click.option("--after", metavar="KEY", help="Go on where the list before ended.")


def _query(words: Any) -> RunQuery:
    return RunQuery.parse(words if isinstance(words, str) else " ".join(words))


QUERY = click.argument("query", nargs=-1, metavar="[QUERY]...", callback=_read(_query, "query"))


def run_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of runs: keyword arguments of ``Reader.runs``."""

    @functools.wraps(command)  # with the options that it has already
    def filtered(*args: Any, status: tuple[list[RunStatus] | None, bool | None] | None, **kwargs: Any) -> Any:
        chosen, retried = status or (None, None)
        return command(*args, status=chosen, retried=retried, **kwargs)

    for option in reversed((_JOB, _SERVICE, _TYPE, _OUTCOME, _REFERENCE, _ERROR, SINCE, UNTIL)):
        filtered = option(filtered)
    return filtered


def limit(default: int, most: int) -> Callable[..., Any]:
    return click.option(
        "--limit", type=click.IntRange(1, most), default=default, show_default=True, help="How many at most."
    )
