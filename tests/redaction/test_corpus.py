"""The corpus: how much of what is secret is found, and how much of what is not goes with it."""

from __future__ import annotations

import pytest

from otel_joblog.records import Line, Output, decode
from otel_joblog.redaction import Redactor

from . import corpus

redactor = Redactor()
LINES = [*(case.line for case in corpus.cases()), *corpus.ordinary()]


def test_the_corpus_has_enough_of_both_kinds() -> None:
    assert len(corpus.cases()) >= 300
    assert len(corpus.ordinary()) >= 300
    assert all(case.secrets for case in corpus.cases())


@pytest.mark.parametrize("case", corpus.cases(), ids=lambda case: case.line)
def test_no_secret_of_the_corpus_stays(case: corpus.Case) -> None:
    found = corpus.measure(redactor.text, [case], [])
    assert not found.missed
    assert redactor.text(redactor.text(case.line)) == redactor.text(case.line)


@pytest.mark.parametrize("line", corpus.ordinary())
def test_a_line_of_the_corpus_without_secrets_stays_as_it_is(line: str) -> None:
    assert redactor.text(line) == line


def test_a_measured_secret_that_stays_is_missed_and_a_line_that_changes_is_harmed() -> None:
    case = corpus.Case("password=hunter2 user=bob", "password=[redacted] user=bob", ("hunter2",))
    assert corpus.measure(str, [case], ["fine"]) == corpus.Measured(1, [case.line], [], 1, [])
    harmed = corpus.measure(lambda line: "[redacted]", [case], ["fine"])
    assert (harmed.recall, harmed.precision) == (1.0, 0.5)
    assert harmed.inexact == [(case.line, "[redacted]")]


def test_in_most_lines_nothing_but_the_secret_goes() -> None:
    found = corpus.measure(redactor.text, corpus.cases(), corpus.ordinary())
    assert len(found.inexact) <= found.secrets // 20


def test_a_glance_overlooks_nothing_in_the_corpus() -> None:
    for text in LINES:
        for attributes in (None, {"rows": 1}):
            line = Line(bytes(16), bytes(8), bytes(8), 1, 1, 9, 0, "log", text, attributes)
            assert redactor.record(line).message == redactor.text(text)
        noted = redactor.record(Line(bytes(16), bytes(8), bytes(8), 1, 1, 9, 0, "log", "", {"note": text}))
        assert noted.attributes == {"note": redactor.text(text)}


def test_a_glance_at_all_of_the_corpus_at_once_overlooks_nothing() -> None:
    output = Output(bytes(16), bytes(8), 1, 1, len(LINES), 9, 1, "\n".join(LINES))
    written = decode(redactor.encode(output))
    assert isinstance(written, Output)
    assert written.text.split("\n") == [redactor.text(line) for line in LINES]
