"""Every word that a command prints goes through here, or through :mod:`.terminal`: names, paths and messages come from
jobs, and by OTLP from anybody, and a terminal obeys the escape sequences in them."""

from __future__ import annotations

import click

from ...visible import visible

__all__ = ["one_line", "say", "say_whether", "shown"]

_LINE_ENDS = {ord("\n"): "\\n", ord("\t"): "\\t"}


def say(text: object, *, err: bool = False) -> None:
    """A line on stdout, or on stderr, with the control characters in it in sight."""
    click.echo(shown(str(text)), err=err)


def say_whether(good: bool, text: str) -> None:
    """The same behind a sign: whether it is good."""
    sign = click.style("✓", fg="green") if good else click.style("✗", fg="red", bold=True)
    click.echo(f"{sign} {shown(text)}")


def shown(text: str) -> str:
    """Others' words with their control characters in sight; line ends and tabs stay."""
    return visible(text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Others' words for a place that has one line: line ends and tabs are in sight, too."""
    return shown(text).translate(_LINE_ENDS)
