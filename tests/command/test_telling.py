"""What the wrapper tells a scribe that does not listen."""

from __future__ import annotations

import fcntl
import os

import pytest

from otel_joblog.command import telling
from otel_joblog.command.telling import Scribe


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch) -> Scribe:
    """One with a pipe from which nobody reads."""
    monkeypatch.setattr(telling, "PATIENCE", 0.05)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    made = Scribe()
    made.pipe = writing
    made.reading = reading  # type: ignore[attr-defined]  # kept open as long as it
    return made


def test_a_scribe_that_has_stopped_is_given_up_with_one_warning(
    scribe: Scribe, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        scribe.tell(1, b"x" * 5000)
    assert scribe.pipe is None
    assert capfd.readouterr().err.count("no longer recorded") == 1


def test_a_scribe_that_is_gone_is_no_news(scribe: Scribe, capfd: pytest.CaptureFixture[str]) -> None:
    os.close(scribe.reading)  # type: ignore[attr-defined]
    scribe.tell(1, b"x")
    assert (scribe.pipe, capfd.readouterr().err) == (None, "")
