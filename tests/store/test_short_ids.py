"""What ``otel-joblog list`` prints of a run can be given to ``show``."""

from __future__ import annotations

from contextlib import closing

import pytest
from click.testing import CliRunner

from otel_joblog.cli.main import main
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, line, run_id, span, started

CHILD = 0xABC << 44


@pytest.fixture
def otel_joblog(dsn: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("OTEL_JOBLOG_DSN", dsn)
    parent, child = started(), started(run=CHILD, parent_run=span(1), name="child", start=NOW + SECOND)
    with closing(Writer(dsn)) as writer:
        writer.write([parent, child, *(line(seq, message="x" * 400_000) for seq in range(12))], PROCESS)
    return CliRunner()


def test_a_child_run_is_listed_by_the_beginnings_of_both_ids(otel_joblog: CliRunner) -> None:
    child, parent = (row.split() for row in otel_joblog.invoke(main, ["list"]).stdout.splitlines()[1:])
    assert "abcd0000-f0ab" in child
    assert "abcd0000" in parent
    assert run_id(1, CHILD) in otel_joblog.invoke(main, ["show", "abcd0000-f0ab"]).stdout
    shown = otel_joblog.invoke(main, ["show", "abcd0000"]).stdout
    assert run_id() in shown
    assert "job child  abcd0000-f0ab" in shown


def test_the_last_lines_are_as_many_as_asked_for_however_long_they_are(otel_joblog: CliRunner) -> None:
    assert otel_joblog.invoke(main, ["show", "abcd0000", "--tail", "10"]).stdout.count("x" * 400_000) == 10
