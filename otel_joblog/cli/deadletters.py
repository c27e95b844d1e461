"""``otel-joblog dead-letters``: what an exporter refused for ever, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..config import Settings
from ..errors import RecordRefused
from ..journal.deadletter import DeadLetter, SetAside, remove
from ..journal.deadletter import dead_letters as all_letters
from ..journal.delivery import Sink
from ..setup import make_sinks
from ..web import format as words
from .common import JSON_OPTION, told_plainly
from .printing.say import one_line, say
from .printing.terminal import echo_json
from .printing.times import Zone, time_zone_options, zone_in_use

__all__ = ["dead_letters"]

IDS = click.argument("ids", nargs=-1, metavar="[ID]...")


@click.group("dead-letters")
def dead_letters() -> None:
    """List, send or drop the records that a database or an OTLP endpoint refused for ever.

    Such a record is set aside here, with the reason, so that it blocks no other. Mend the reason, then `send` it again.
    """


@dead_letters.command("list")
@time_zone_options
@JSON_OPTION
def list_letters(*, as_json: bool) -> None:
    """List them, oldest first: ID, time, destination, kind of record, reason."""
    with told_plainly():
        found = all_letters(Settings.from_environment().journal_dir)
    if as_json:
        echo_json([_told(kept) for kept in found])
    elif not found:
        say("No record was refused.")
    else:
        for kept in found:
            say(f"{kept.mark}  {_shown(kept.letter, zone_in_use())}")


def _told(kept: SetAside) -> dict[str, Any]:
    letter = kept.letter
    if letter is None:
        return {"id": kept.mark, "readable": False}
    told = {name: getattr(letter, name) for name in ("time", "exporter", "reason", "record", "fields")}
    return {"id": kept.mark, "readable": True} | told


def _shown(letter: DeadLetter | None, zone: Zone) -> str:
    if letter is None:
        return "cannot be read: it was cut short"
    when = zone.stamp(datetime.fromtimestamp(letter.time, UTC))
    return one_line(f"{when}  {letter.exporter}  {letter.record}: {letter.reason}")


@dead_letters.command()
@IDS
@click.option("--here", is_flag=True, help="Also those for other destinations, to the destinations here.")
def send(*, ids: tuple[str, ...], here: bool) -> None:
    """Send all again, or those with these IDs. What is accepted is removed. Exits with 1 if something is left."""
    settings = Settings.from_environment()
    root = settings.journal_dir
    with told_plainly():
        found = _meant(root, ids)
        sinks = make_sinks(settings, otlp_by_default=True)
        sent: set[str] = set()
        try:
            for kept in found:
                if (why := _send(kept, sinks, anywhere=here)) is None:
                    sent.add(kept.mark)
                else:
                    say(f"{kept.mark} stays: {one_line(why)}", err=True)
        finally:
            remove(root, sent)
            for sink in sinks:
                sink.close()
    say(f"{len(sent)} of {words.count(len(found), 'record')} sent.")
    if len(sent) < len(found):
        raise SystemExit(1)


def _send(kept: SetAside, sinks: Sequence[Sink], *, anywhere: bool) -> str | None:
    """Why it could not be sent; None where it was."""
    letter = kept.letter
    if letter is None:
        return "it cannot be read; `otel-joblog dead-letters drop` drops it"
    kind = letter.exporter.partition("-")[0]
    alike = [sink for sink in sinks if sink.name == letter.exporter]
    alike += [sink for sink in sinks if anywhere and sink.name.partition("-")[0] == kind]
    if not alike:
        return f"it is for {letter.exporter}, which nothing here ships to; --here sends it to the destination here"
    try:
        alike[0].fresh().ship([letter.contents()[0]], letter.contents()[1])
    except RecordRefused as error:
        return f"refused again: {error}"
    except Exception as error:  # away, or not understood: it is there as before
        return str(error)
    return None


@dead_letters.command()
@IDS
@click.option("--all", "everything", is_flag=True, help="All of them.")
def drop(*, ids: tuple[str, ...], everything: bool) -> None:
    """Drop those with these IDs, or --all."""
    if bool(ids) == everything:
        raise click.UsageError("give IDs that `otel-joblog dead-letters list` shows, or --all")
    root = Settings.from_environment().journal_dir
    with told_plainly():
        found = _meant(root, ids)
        remove(root, {kept.mark for kept in found})
    say(f"{words.count(len(found), 'record')} dropped.")


def _meant(root: Path, ids: tuple[str, ...]) -> list[SetAside]:
    found = all_letters(root)
    if unknown := set(ids) - {kept.mark for kept in found}:
        raise click.ClickException(f"there is no dead letter {', '.join(sorted(unknown))}")
    return [kept for kept in found if not ids or kept.mark in ids]
