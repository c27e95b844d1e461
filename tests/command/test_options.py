"""Where our options end and the command begins."""

from __future__ import annotations

import pytest

from otel_joblog.command.options import Options, parse


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["true"], ["true"]),
        (["--", "true"], ["true"]),
        (["--", "--name", "x"], ["--name", "x"]),
        (["env", "--name", "x"], ["env", "--name", "x"]),
        (["env", "--", "true"], ["env", "--", "true"]),
        (["--name", "x", "env", "--name", "y"], ["env", "--name", "y"]),
        (["--name", "x", "--", "--", "true"], ["--", "true"]),
        (["--name=x", "--", "-c"], ["-c"]),
    ],
)
def test_what_comes_after_the_first_that_is_no_option_is_the_command(arguments: list[str], command: list[str]) -> None:
    options = parse(arguments)
    assert options.command == command
    assert options.name == ("x" if arguments[0].startswith("--name") else None)


@pytest.mark.parametrize("duration", ["3651d", "315360001", "9" * 400, "9" * 400 + "d"])
def test_what_no_timer_takes_is_refused(duration: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--timeout", "--kill-after"):
        with pytest.raises(SystemExit, match="2"):
            parse([option, duration, "true"])
        assert f"argument {option}: " in capsys.readouterr().err
    assert parse(["--timeout", "3650d", "true"]).timeout == 3650 * 86_400


def test_what_is_not_said_is_the_same_with_options_and_without() -> None:
    without, with_name = vars(Options) | vars(parse(["true"])), vars(Options) | vars(parse(["--name", "x", "true"]))
    assert with_name == without | {"name": "x"}


@pytest.mark.parametrize("arguments", [[], ["--"], ["--name", "x"], ["--name", "x", "--"], ["--unknown", "true"]])
def test_nothing_to_run_and_unknown_options_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(arguments)
    assert capsys.readouterr().err.startswith("usage: otel-joblog run [OPTIONS] [--] COMMAND")
