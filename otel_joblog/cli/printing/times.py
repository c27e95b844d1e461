"""The time zone of what a command prints and takes: the local one, or that of ``--utc`` or ``--time-zone``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

from ...moments import moment
from ...timezone import local_timezone

__all__ = ["MomentType", "Zone", "now", "time_zone_options", "zone_in_use"]

_UTC_NAMES = {"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "Universal", "UCT", "Zulu"}
_META = "otel_joblog.zone"


def now() -> datetime:
    """One clock for all that a command prints."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Zone:
    """A time zone, and moments in its words."""

    name: str
    info: tzinfo

    @classmethod
    def of(cls, name: str) -> Zone:
        """By its IANA name, or ``local``. Raises ValueError where none is called so."""
        wanted = local_timezone() if name == "local" else name
        if wanted in _UTC_NAMES or wanted.upper() == "UTC":
            return cls("UTC", UTC)
        try:
            return cls(wanted, ZoneInfo(wanted))
        except (KeyError, ValueError, OSError):
            if name == "local":  # a host's zone without a file: what its schedules are read by, too
                return cls("UTC", UTC)
            raise ValueError("use UTC, local, or a name such as Europe/Berlin") from None

    def __str__(self) -> str:
        """``UTC``, or ``Europe/Berlin, now UTC+01:00``."""
        return self.name if self.info is UTC else f"{self.name}, now {_offset(now().astimezone(self.info))}"

    def full(self, time: datetime) -> str:
        """``2026-11-03 03:12:04``, for a place whose heading says the zone."""
        return f"{time.astimezone(self.info):%Y-%m-%d %H:%M:%S}"

    def stamp(self, time: datetime) -> str:
        """The same for any place: ``2026-11-03 03:12:04 UTC+01:00``."""
        here = time.astimezone(self.info)
        return f"{here:%Y-%m-%d %H:%M:%S} {_offset(here)}"

    def clock(self, time: datetime) -> str:
        """``03:12:04.123``."""
        return time.astimezone(self.info).isoformat(timespec="milliseconds")[11:23]

    def day(self, time: datetime) -> str:
        """``2026-11-03``."""
        return f"{time.astimezone(self.info):%Y-%m-%d}"

    def iso(self, time: datetime) -> str:
        """For programs: ``2026-11-03T03:12:04.123+01:00``."""
        return time.astimezone(self.info).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _offset(time: datetime) -> str:
    offset = time.isoformat(timespec="seconds")[19:]
    return "UTC" if offset == "+00:00" else f"UTC{offset}"


def time_zone_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--time-zone`` and ``--utc``; they hold for the times that a command takes as for those that it prints."""
    named = click.option(
        "--time-zone",
        metavar="ZONE",
        callback=_set_zone,
        expose_value=False,
        is_eager=True,  # before the times that are read by it
        help="Zone of all times, printed or given: UTC, local, or a name such as Europe/Berlin.  [default: local]",
    )
    utc = click.option(
        "--utc",
        is_flag=True,
        callback=_set_zone,
        expose_value=False,
        is_eager=True,
        help="The same as --time-zone UTC.",
    )
    return named(utc(command))


def _set_zone(context: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:
    if not value:
        return
    if _META in context.meta:
        raise click.UsageError("use --utc or --time-zone, not both", context)
    try:
        context.meta[_META] = Zone.of("UTC" if value is True else str(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no time zone: {error}", context, parameter) from None


def zone_in_use() -> Zone:
    """That of the command which is being called."""
    meta = click.get_current_context().meta
    if _META not in meta:
        meta[_META] = Zone.of("local")
    zone: Zone = meta[_META]
    return zone


class MomentType(click.ParamType[datetime]):
    """A time, in the zone in use where it has no offset, or how long ago it was."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(str(value), zone_in_use().info, now())
        except ValueError as error:
            self.fail(f"{value!r} is no time: {error}", param, ctx)
