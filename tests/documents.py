"""What the documents have between fences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("", "docs", "collector", "dashboards")
    for path in (ROOT / folder).glob("*.md")
    if path.name != "CHANGELOG.md"
)

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str  # empty for what is no program: output, drawings
    text: str


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    return [Block(*found) for found in _FENCED.findall(text_of(document))]


def texts(document: str, language: str) -> list[str]:
    return [block.text for block in blocks(document) if block.language == language]


def prose(document: str) -> str:
    """The document without what is between fences."""
    return _FENCED.sub("", text_of(document))


def inline(document: str) -> list[str]:
    """What is in backquotes in the prose, on one line each."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(document))]


def commands(document: str) -> list[str]:
    """The commands of its blocks of a terminal; the other lines there are output."""
    lines = [line for text in texts(document, "console") for line in text.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
