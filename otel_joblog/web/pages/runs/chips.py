"""What is asked for, one removable word each; and what people ask for most."""

from __future__ import annotations

from typing import NamedTuple

from ....runquery import RunQuery

__all__ = ["LANGUAGE", "Chip", "Quick", "chips", "quick"]

QUICK = {
    "Failed today": "status:failed since:today",
    "Running now": "status:open",
    "Slow": "is:slow",
    "Lost": "status:lost",
    "Unresponsive": "is:unresponsive",
}

# What the page says of the language; docs/query.md has all of it.
LANGUAGE = {
    "status:failed": "pending, running, success, skipped, cancelled, error, timeout, lost; failed, open, retried",
    "job:billing.*": "also service, type, host, trigger, ref; * stands for anything, commas mean any of several",
    "since:7d until:2026-11-03T03:00": "how long ago, today, or a time in UTC",
    "duration:>60s attempt:>1": "longer than (< shorter than); after the first attempt",
    "attr.customer:42": "an attribute, or an argument of that name",
    'timeout "timed out"': "whole words of the job's name, the reference, the error and its message",
    "is:slow is:unresponsive": "longer than usual; silent for three beats",
    "-status:success -job:sync-*": "not",
}


class Chip(NamedTuple):
    words: str
    without: str  # the query that remains


class Quick(NamedTuple):
    words: str
    query: str
    chosen: bool


def chips(query: RunQuery) -> list[Chip]:
    return [Chip(str(term), str(query.without(term))) for term in query.terms]


def quick(query: RunQuery) -> list[Quick]:
    return [Quick(words, asked, str(query) == asked) for words, asked in QUICK.items()]
