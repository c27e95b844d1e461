"""Colours that colour-blind people tell apart (Okabe and Ito, "Color Universal Design"), and never without a word."""

from __future__ import annotations

from .sources import Json

__all__ = ["BAD", "GOOD", "NEUTRAL", "STATUS", "WARNING", "fixed", "mappings", "thresholds", "words"]

GOOD, WARNING, BAD, NEUTRAL = "#0072B2", "#E69F00", "#D55E00", "#999999"

# In the order of their codes in the store.
STATUS = {
    "pending": "#F0E442",
    "running": "#56B4E9",
    "success": GOOD,
    "skipped": "#BFBFBF",
    "cancelled": "#7F7F7F",
    "error": BAD,
    "timeout": WARNING,
    "lost": "#CC79A7",
    "retried": "#009E73",  # no status of the store: failed, and followed by another attempt
}


def mappings(*, by_code: bool = False, ended: bool = False) -> list[Json]:
    """Words and colours of states, for cells that hold their names or their codes; -1 means ended and shows nothing."""
    options: Json = {
        str(code) if by_code else name: {"text": name, "color": colour, "index": code}
        for code, (name, colour) in enumerate(STATUS.items())
    }
    if ended:
        options["-1"] = {"text": " ", "color": "transparent", "index": len(options)}
    return [{"type": "value", "options": options}]


def words(*coloured: tuple[str, str]) -> list[Json]:
    """Words that stay as they are, each in a colour; the first is the worst."""
    options = {word: {"text": word, "color": colour, "index": index} for index, (word, colour) in enumerate(coloured)}
    return [{"type": "value", "options": options}]


def thresholds(*steps: tuple[float, str], base: str = GOOD) -> Json:
    """A colour from each number on, and that of what lies below."""
    above = [{"value": value, "color": colour} for value, colour in steps]
    return {"mode": "absolute", "steps": [{"value": None, "color": base}, *above]}


def fixed(colour: str) -> Json:
    return {"mode": "fixed", "fixedColor": colour}
