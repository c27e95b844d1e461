"""What ``otel-joblog list`` prints of a run can be given to ``show``."""

from __future__ import annotations

import re
import sys
from contextlib import closing

import pytest

from otel_joblog.store.write.writer import Writer
from tests.cli.commands import Command
from tests.cli.ptys import on_terminal
from tests.store.samples import NOW, PROCESS, SECOND, line, run_id, span, started
from tests.web.story import Story

CHILD = 0xABC << 44


@pytest.fixture
def runs(dsn: str) -> None:
    parent, child = started(), started(run=CHILD, parent_run=span(1), name="child", start=NOW + SECOND)
    with closing(Writer(dsn)) as writer:
        writer.write([parent, child, *(line(seq, message="x" * 400_000) for seq in range(12))], PROCESS)


def listed(environment: dict[str, str], width: int = 120) -> list[str]:
    said = on_terminal([sys.executable, "-m", "otel_joblog", "list"], environment, width)
    return re.findall(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4,16}|[0-9a-f]{24}-[0-9a-f]{16})?(?=\s)", said)


@pytest.mark.usefixtures("runs")
def test_a_child_run_is_listed_by_the_beginnings_of_both_ids(environment: dict[str, str], otel_joblog: Command) -> None:
    assert listed(environment) == ["abcd0000-f0ab", "abcd0000"]
    assert run_id(1, CHILD) in otel_joblog("show", "abcd0000-f0ab").stdout
    shown = otel_joblog("show", "abcd0000").stdout
    assert run_id() in shown
    assert "job child  abcd0000-f0ab" in shown


@pytest.mark.usefixtures("runs")
def test_a_pipe_has_whole_ids(otel_joblog: Command) -> None:
    ids = [line.partition("\t")[0] for line in otel_joblog("list").stdout.splitlines()]
    assert ids == [run_id(1, CHILD), run_id()]


def test_runs_whose_ids_begin_alike_are_told_apart(dsn: str, environment: dict[str, str], otel_joblog: Command) -> None:
    ids = [
        "5f00aa11000000000000000000000001-00000000000000a1",  # two of one trace, neither inside of the other
        "5f00aa11000000000000000000000001-00000000000000b2",
        "77aa0011000000000000000000000001-1234000000000001",
    ]
    with closing(Writer(dsn)) as writer:
        for one in ids:
            Story(writer, run_id=one).end()
    short = listed(environment)
    assert short == ["77aa0011", ids[1], ids[0]]
    for mark, one in zip(short, reversed(ids), strict=True):
        assert one in otel_joblog("show", mark).stdout


@pytest.mark.usefixtures("runs")
def test_the_last_lines_are_as_many_as_asked_for_however_long_they_are(
    environment: dict[str, str], otel_joblog: Command
) -> None:
    assert otel_joblog("show", "abcd0000", "--lines", "10").stdout.count("x" * 400_000) == 10
    on_screen = on_terminal([sys.executable, "-m", "otel_joblog", "show", "abcd0000"], environment, 80)
    assert on_screen.count("\n    … 396,000 characters more: --all prints them") == 12
