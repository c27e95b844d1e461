"""``otel-joblog run``, for who comes by way of click: the list of commands, and programs that call it."""

from __future__ import annotations

import click

from ..command.wrapper import main

__all__ = ["run"]


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run a command and record it: every line, its exit status, what it used.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run(context: click.Context, arguments: tuple[str, ...]) -> None:
    context.exit(main(list(arguments)))
