"""The viewer's settings file: what is too much for a variable. It is read once, when the viewer starts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ...errors import ConfigError
from ...store.read.visibility import EVERYTHING, Visibility
from .roles import Role
from .who import How, Person

__all__ = ["ViewerSettings", "viewer_settings"]

Patterns = str | list[str]


class Visible(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table ``[visibility]``: patterns of jobs or services, by role and by name of a user."""

    roles: dict[Role, Patterns] = {}
    users: dict[str, Patterns] = {}

    def of(self, person: Person) -> Visibility:
        """What is said of the person, else of the role; else everything, and so where nobody needs to sign in."""
        if person.how is How.OPEN:
            return EVERYTHING
        patterns = self.users.get(person.name, self.roles.get(person.role))
        if patterns is None:
            return EVERYTHING
        return Visibility((patterns,) if isinstance(patterns, str) else tuple(patterns))


class ViewerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field a table."""

    visibility: Visible = Visible()


def viewer_settings(path: Path | None) -> ViewerSettings:
    """Raises :class:`ConfigError` for a file that is not there, is no TOML, or says what is not known."""
    if path is None:
        return ViewerSettings()
    try:
        return msgspec.toml.decode(path.read_bytes(), type=ViewerSettings)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"OTEL_JOBLOG_VIEWER_SETTINGS={str(path)!r} cannot be used: {error}") from error
