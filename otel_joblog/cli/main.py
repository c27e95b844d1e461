"""``otel-joblog``: the command line. Each command group is a module, imported when it is called."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any

import click

from ..errors import ConfigError

__all__ = ["main"]

_COMMANDS = {
    "demo": "demo",
    "run": "run",
    "serve": "serve",
    "agent": "agent",
    "ingest": "ingest",
    "recover": "agent:recover",
    "journal": "journal",
    "dead-letters": "deadletters:dead_letters",
    "db": "db",
    "migrate": "migrate",
    "list": "runs:list_runs",
    "show": "show",
    "search": "search",
    "jobs": "jobs",
    "stats": "stats",
    "errors": "errors",
    "export": "transfer:export_runs",
    "import": "transfer:import_files",
    "cleanup": "cleanup",
    "delete": "delete",
    "dashboards": "dashboards",
    "users": "users",
    "doctor": "doctor",
}


class LazyGroup(click.Group):
    """Imports a command when it is asked for: ``--help`` and ``db uri`` need neither web nor rich."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        where = _COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        found: Any = getattr(import_module(f".{module}", __package__), attribute or module)
        command: click.Command = found
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """A command that others' words go through, to wherever stdout leads."""
        from .printing.say import say
        from .printing.streams import die_of_broken_pipe, print_anywhere

        print_anywhere()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            die_of_broken_pipe()
        except click.ClickException as error:  # it may quote anything
            told = io.StringIO()
            error.show(told)
            say(told.getvalue().rstrip("\n"), err=True)
            ctx.exit(error.exit_code)
        except ConfigError as error:
            say(f"Error: {error}", err=True)
            ctx.exit(1)
        return result


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="otel-joblog", prog_name="otel-joblog")
@click.pass_context
def main(context: click.Context) -> None:
    """What your jobs did, line by line, even when they were killed.

    Settings come from OTEL_JOBLOG_* variables. `doctor` shows those in force.
    """
    if context.invoked_subcommand != "run":  # a command has its environment as it is
        os.environ.pop("PGSERVICE", None)  # where no file has such a service, libpq connects nowhere at all
