"""What is looked for, in this order."""

from __future__ import annotations

from .assignments import assignments
from .commands import searches_in_commands
from .finding import Finder
from .tokens import azure, base64_lines, cards, private_keys, schemes, tokens
from .urls import searches_in_urls

__all__ = ["finders"]


def finders(own_keys: tuple[str, ...] = ()) -> tuple[Finder, ...]:
    return (
        private_keys,
        *searches_in_urls(),
        *searches_in_commands(),
        assignments(own_keys),
        schemes,
        tokens,
        azure,
        cards,
        base64_lines,
    )
