"""What ``otel-joblog run`` can be told. ``argparse`` reads it: a quarter of what importing click takes, and where there
is no option, the command does not wait for that either.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

__all__ = ["Options", "name_of", "parse", "parser"]

LONGEST = 10 * 365 * 86_400  # seconds; a timer does not take every number
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Options:
    """What holds where nothing else is said; ``argparse`` leaves that alone."""

    command: list[str]
    name: str | None = None
    reference: str | None = None
    owner: str | None = None
    trigger: str | None = None
    schedule: str | None = None
    timeout: float | None = None
    kill_after: float = 10.0
    lock: str | None = None
    lock_scope: str = "host"
    quiet_on_success: bool = False
    env_context: bool = True
    cwd: str | None = None


def name_of(program: str) -> str:
    """The name of a job that is given none."""
    return os.path.basename(program.rstrip("/")) or program or "command"  # noqa: PTH119  (pathlib costs an import)


def seconds(text: str) -> float:
    import argparse
    import re

    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)([smhd]?)", text.strip())
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: use seconds, or 90s, 5m, 2h, 1d")
    duration = float(match[1]) * _UNITS[match[2]]
    if duration > LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is more than ten years")
    return duration


def parser() -> argparse.ArgumentParser:
    import argparse

    made = argparse.ArgumentParser(
        prog="otel-joblog run",
        usage="%(prog)s [OPTIONS] [--] COMMAND [ARGUMENT ...]",
        description="Run a command and record it: every line that it prints, its exit status, what it used. "
        "What it prints is passed on unchanged, and the exit status is the command's.",
        epilog="Exit status: the command's own; 128+n if signal n ended it; 124 timed out; 126 it cannot be "
        "executed; 127 it was not found; 75 another run holds the lock (--lock fail).",
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=32, width=100),
    )
    made.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    what = made.add_argument_group("the run")
    what.add_argument("--name", metavar="NAME", help="The job's name. Default: the name of the program.")
    what.add_argument("--reference", metavar="TEXT", help="What this run is about, to find it by.")
    what.add_argument("--owner", metavar="TEXT", help="Whom to ask about it.")
    what.add_argument("--trigger", metavar="WORD", help="What started it: manual, schedule, event, api, …")
    what.add_argument("--schedule", metavar="CRON", help="When it should run, as a cron expression.")
    how = made.add_argument_group("the command")
    how.add_argument("--cwd", metavar="DIR", help="Run it in this directory.")
    how.add_argument(
        "--timeout", metavar="DURATION", type=seconds, help="Send SIGTERM after this time: seconds, or 90s, 5m, 2h, 1d."
    )
    how.add_argument(
        "--kill-after",
        metavar="DURATION",
        type=seconds,
        help="Send SIGKILL if it still runs this long after that. Default: 10s.",
    )
    how.add_argument(
        "--lock",
        choices=("skip", "wait", "fail"),
        help="One run of this name at a time. If another goes on: skip this one (exit status 0), wait for it, or fail "
        "(exit status 75).",
    )
    how.add_argument(
        "--lock-scope",
        choices=("host", "database"),
        help="One at a time on this host (of this user), or among all that share the database. Default: host.",
    )
    how.add_argument(
        "--quiet-on-success",
        action="store_true",
        help="Hold back what it prints, and print it only if it fails: for cron, which mails what is printed.",
    )
    how.add_argument(
        "--env-context",
        action=argparse.BooleanOptionalAction,
        help="Be a part of the trace that TRACEPARENT in the environment names, and put this run's own into that of "
        "the command. Default: on.",
    )
    return made


def parse(arguments: list[str]) -> Options:
    """Exits with 2, and words on stderr, where they cannot be used."""
    options = Options()
    if arguments and not arguments[0].startswith("-"):
        options.command = arguments
    elif arguments[:1] == ["--"]:
        options.command = arguments[1:]
    else:
        parser().parse_args(arguments, options)
        if options.command[:1] == ["--"]:
            del options.command[0]
    if not options.command:
        parser().error("there is no command: otel-joblog run [OPTIONS] -- COMMAND [ARGUMENT ...]")
    return options
