"""The examples of docs/redaction.md are so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_joblog.records import Line
from otel_joblog.redaction.redactor import Redactor

DOCUMENT = (Path(__file__).parents[2] / "docs" / "redaction.md").read_text()


def redacted(message: str) -> str:
    return Redactor().record(Line(b"t" * 16, b"r" * 8, b"s" * 8, 1, 1, 9, 0, "", message)).message


def examples(heading: str) -> list[str]:
    """What the list below this heading has in backquotes."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert section is not None
    return [code.replace("<ESC>", "\x1b") for code in re.findall(r"`([^`\n]+)`", section[1])]


@pytest.mark.parametrize("message", examples("What stays"))
def test_what_is_said_to_stay_stays(message: str) -> None:
    assert redacted(message) == message


@pytest.mark.parametrize(
    "message", ["login bob hunter2", "user:word@host", "password=disabled", "to\x1b[1mken=x", "password: correct horse"]
)
def test_what_is_said_not_to_be_found_is_told_in_the_document_and_not_found(message: str) -> None:
    assert message in examples("What is not found")
    assert redacted(message).split()[-1] == message.split()[-1]


def test_the_line_at_the_beginning_is_what_becomes_of_such_a_line() -> None:
    said = re.search(r"```\n(connecting to .*)\n```", DOCUMENT)
    assert said is not None
    assert redacted(said[1].replace("[redacted]", "hunter2")) == said[1]
