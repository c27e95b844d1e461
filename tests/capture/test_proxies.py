"""Values that stand for others, and refuse to say what they are while there is none (werkzeug's LocalProxy)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from otel_joblog import job
from otel_joblog.capture.facts.attributes import otel_value
from otel_joblog.records import SpanEnded
from otel_joblog.testing import recording
from tests import processes


class Unbound:
    """Outside of a request."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("working outside of a request")

    def __repr__(self) -> str:
        return "<unbound>"


SCRIPT = """
    import logging
    from otel_joblog import job

    class Unbound:
        __class__ = property(lambda self: 1 / 0)
        __repr__ = lambda self: "<unbound>"

    with job("x") as run:
        logging.getLogger("shop").warning("sold", extra={"request": Unbound()})
        run.set_attribute("request", Unbound())
        run.set_attribute("requests", [Unbound(), 1])
"""


def test_a_run_ends_and_keeps_its_line_with_a_proxy_among_their_attributes(tmp_path: Path) -> None:
    done = processes.run(SCRIPT, tmp_path)
    assert (done.returncode, done.stderr) == (0, "sold\n")
    assert processes.messages(tmp_path) == ["sold"]
    [end] = [record for record in processes.journaled(tmp_path) if isinstance(record, SpanEnded)]
    assert (end.attributes["request"], end.attributes["requests"]) == ("<unbound>", ["<unbound>", 1])


def test_otel_is_given_what_a_proxy_shows() -> None:
    told, listed = otel_value(Unbound()), otel_value([Unbound()])
    assert (told, listed) == ("<unbound>", "[<unbound>]")


def test_a_run_in_memory_keeps_it_too() -> None:
    with recording() as recorded, job("x") as run:
        logging.getLogger("shop").warning("sold", extra={"request": Unbound()})
        run.set_attribute("request", Unbound())
    assert [line.message for line in recorded.lines] == ["sold"]
    assert str(recorded.runs[0].status) == "success"
