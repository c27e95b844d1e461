"""``otel-joblog users``: the accounts of the viewer."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config import Settings
from .common import told_plainly
from .printing.say import say

if TYPE_CHECKING:
    from ..web.auth.users import User

__all__ = ["users"]

_Change = Callable[["dict[str, User]"], "dict[str, User]"]

_ROLES = ("viewer", "operator", "ingest")
_STDIN = click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from stdin: its first line.")
_SHORTEST = 8
_LONGEST = 1_000


@click.group()
def users() -> None:
    """Accounts of the viewer: while there are none, it is open to this machine and to nobody else.

    A viewer that runs takes changes up at once.
    """


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="viewer", show_default=True, help="What it may do.")
@click.option("--token", "with_token", is_flag=True, help="For a program: print a random token, once.")
@_STDIN
def add(*, name: str, role: str, with_token: bool, from_stdin: bool) -> None:
    """Add an account, with a password that is asked for, or with a token.

    A viewer reads. An operator also changes: it cleans up and deletes. Ingest sends OTLP and does nothing else.
    """
    from ..web.auth.passwords import hashed
    from ..web.auth.roles import Role
    from ..web.auth.tokens import digest, new_token
    from ..web.auth.users import User, normal

    name = normal(name)
    if not name or not name.isprintable() or ":" in name or name != name.strip() or len(name) > 100:
        raise click.UsageError("NAME is of up to 100 letters, digits and signs, without a colon")
    if role == "ingest" and not with_token:
        raise click.UsageError("senders of OTLP show a token: add --token")
    if with_token and from_stdin:
        raise click.UsageError("use --token or --stdin, not both: a program with a token has no password")
    settings = Settings.from_environment()
    with told_plainly():
        _refuse_known(settings, name)
        token = new_token() if with_token else None
        since = datetime.now(UTC)
        if token:
            user = User(name, Role(role), since, token=digest(token))
        else:
            user = User(name, Role(role), since, password=hashed(_asked_for(from_stdin)))

        def with_it(known: dict[str, User]) -> dict[str, User]:
            if name in known:
                raise _known_already(name)
            return {**known, name: user}

        _change(settings, with_it, "user added", name, role)
    if token:
        say(f"Added {name} ({role}). This token is shown this once; only its digest is kept:", err=True)
        say(token)
    else:
        say(f"Added {name} ({role}).")


@users.command("list")
def list_users() -> None:
    """List the accounts."""
    from ..web.auth.users import Users

    path = Settings.from_environment().users_file
    with told_plainly():
        known = sorted(Users(path).all().values(), key=lambda user: user.name)
    if not known:
        say(f"There are no users in {path}.", err=True)
        return
    width = max(4, *(len(user.name) for user in known))
    say(f"{'NAME':{width}}  {'ROLE':8}  {'BY':8}  SINCE")
    for user in known:
        by = "token" if user.token else "password"
        say(f"{user.name:{width}}  {user.role:8}  {by:8}  {user.since:%Y-%m-%d %H:%M}Z")


@users.command()
@click.argument("name")
@_STDIN
def passwd(*, name: str, from_stdin: bool) -> None:
    """Give an account another password. Whoever is signed in as it must sign in again."""
    import msgspec

    from ..web.auth.passwords import hashed
    from ..web.auth.users import Users, normal

    name = normal(name)
    settings = Settings.from_environment()
    with told_plainly():
        user = Users(settings.users_file).all().get(name)
        if user is None:
            raise _nobody(name, settings.users_file)
        if user.token:
            raise click.ClickException(f"{name} has a token: remove it, and add it again for a new one")
        password = hashed(_asked_for(from_stdin))

        def with_another(known: dict[str, User]) -> dict[str, User]:
            if name not in known:
                raise _nobody(name, settings.users_file)
            return known | {name: msgspec.structs.replace(known[name], password=password)}

        _change(settings, with_another, "password changed", name)
    say(f"Changed the password of {name}.")


@users.command()
@click.argument("name")
def remove(*, name: str) -> None:
    """Remove an account. Whoever is signed in as it is let in no more."""
    from ..web.auth.users import normal

    name = normal(name)
    settings = Settings.from_environment()

    def without(known: dict[str, User]) -> dict[str, User]:
        if name not in known:
            raise _nobody(name, settings.users_file)
        return {key: user for key, user in known.items() if key != name}

    with told_plainly():
        _change(settings, without, "user removed", name)
    say(f"Removed {name}.")


def _change(settings: Settings, how: _Change, what: str, name: str, role: str | None = None) -> None:
    from ..web.auth.audit import Audit
    from ..web.auth.users import Users

    Users(settings.users_file).change(how)
    Audit(settings.audit_file).say(what, name=name, role=role, by=f"{getpass.getuser()} on the command line")


def _refuse_known(settings: Settings, name: str) -> None:
    """Before a password is asked for."""
    from ..web.auth.users import Users

    if name in Users(settings.users_file).all():
        raise _known_already(name)


def _known_already(name: str) -> click.ClickException:
    return click.ClickException(f"there is a user {name} already: `otel-joblog users passwd` changes its password")


def _nobody(name: str, path: Path) -> click.ClickException:
    return click.ClickException(f"there is no user {name} in {path}: `otel-joblog users list` shows those there are")


def _asked_for(from_stdin: bool) -> str:
    """Never an argument: everybody on the host sees those."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask for the password on: use --stdin")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="Again")
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise click.ClickException(f"a password has {_SHORTEST} characters at least, and {_LONGEST:,} at most")
    return password
