"""Lists for people and for programs.

On a terminal an item is a row: on one line where it fits, else on two. Ids and names are never cut, the last text is
cut where the line ends. In a pipe an item is one line of all its fields, separated by tabs, uncut, without a heading.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from rich.text import Text

from .say import one_line, say
from .terminal import console
from .times import Zone

__all__ = ["Column", "Listing", "print_fields", "print_list", "print_rows"]

T = TypeVar("T")

USUAL = 24  # cells of a name; a longer one is not what others are aligned by
LEAST = 20  # cells that the last text has in any case
ENDLESS = 10_000
_GAP = Text("  ")


class Column(NamedTuple, Generic[T]):
    heading: str
    cell: Callable[[T], Text | str]
    right: bool = False


@dataclass(frozen=True)
class Listing(Generic[T]):
    """How items are listed: ``columns``, then a ``name`` of any length, then a text that takes the ``rest``.

    ``rest`` is told how many cells it has. ``fields`` are for programs: further ones come last, so that the place of
    none changes.
    """

    columns: Sequence[Column[T]]
    name: Column[T] = Column("", lambda _: "")
    fields: Mapping[str, Callable[[T], object]] = field(default_factory=dict)
    rest_heading: str = ""
    rest: Callable[[T, int], Text] = field(default=lambda _item, _room: Text())


def print_list(
    items: Sequence[T], listing: Listing[T], zone: Zone, *, times: bool = True, heading: bool = True
) -> None:
    """All there is to list. ``times`` says that the zone is to be said, since a column has times of it."""
    if not sys.stdout.isatty():
        print_fields(items, listing.fields, zone)
        return
    if times and heading:
        console().print(Text(f"Times: {zone}", style="dim"))
    print_rows(items, listing, heading=heading)


def print_fields(items: Iterable[T], fields: Mapping[str, Callable[[T], object]], zone: Zone) -> None:
    for item in items:
        say("\t".join(one_line(_plain(value(item), zone)) for value in fields.values()))


def _plain(value: object, zone: Zone) -> str:
    """A value for a program: nothing where there is none, ISO 8601 for times, digits without commas for numbers."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return zone.iso(value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def print_rows(items: Sequence[T], listing: Listing[T], *, heading: bool = True) -> None:
    """Rows for people, as wide as the terminal; where there is none, nothing is cut."""
    output = console()
    for line in _lines(items, listing, output.width if sys.stdout.isatty() else ENDLESS, heading=heading):
        line.rstrip()
        output.print(line)


def _lines(items: Sequence[T], listing: Listing[T], width: int, *, heading: bool) -> Iterator[Text]:
    cells = [[_text(column.cell(item)) for column in listing.columns] for item in items]
    names = [_text(listing.name.cell(item)) for item in items]
    heads = [Text(column.heading, style="dim") for column in listing.columns]
    layout = _Layout(
        width,
        [max(cell.cell_len for cell in column) for column in zip(heads, *cells, strict=True)],
        [column.right for column in listing.columns],
        max(name.cell_len for name in (Text(listing.name.heading), *names) if name.cell_len <= USUAL),
    )
    if heading:
        name, rest = Text(listing.name.heading, style="dim"), Text(listing.rest_heading, style="dim")
        yield from layout.row(heads, name, lambda _: rest.copy())
    for item, row, name in zip(items, cells, names, strict=True):
        yield from layout.row(row, name, partial(listing.rest, item))


class _Layout(NamedTuple):
    """Rows of a ``width``: the columns, the name where usual names fit behind them, the rest where all of it does.

    What does not has a second line.
    """

    width: int
    widths: Sequence[int]  # of the columns
    rights: Sequence[bool]
    name: int  # width of a usual name

    def row(self, cells: Sequence[Text], name: Text, rest: Callable[[int], Text]) -> Iterator[Text]:
        first = _GAP.join(map(_padded, cells, self.widths, self.rights))
        name_above = first.cell_len + len(_GAP) + max(name.cell_len, self.name) <= self.width
        if name_above:
            above = _GAP.join([first, _padded(name, self.name)])
            whole = rest(ENDLESS)
            if above.cell_len + len(_GAP) + whole.cell_len <= self.width or not whole:
                yield _GAP.join([above, whole])
                return
            first = above
        yield first
        second = Text() if name_above else name + _GAP
        room = max(self.width - second.cell_len - len(_GAP), LEAST)
        cut = rest(room)
        cut.truncate(room, overflow="ellipsis")
        yield _GAP + second + cut


def _padded(cell: Text, width: int, right: bool = False) -> Text:
    cell = cell.copy()
    missing = max(0, width - cell.cell_len)
    if right:
        cell.pad_left(missing)
    else:
        cell.pad_right(missing)
    return cell


def _text(cell: Text | str) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)
