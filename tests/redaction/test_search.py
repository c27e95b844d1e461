"""Words are found alike while the interpreter runs and when it ends."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_joblog.redaction import search
from otel_joblog.redaction.search import Search

words = st.lists(st.text("ab-", min_size=1, max_size=3), min_size=1, max_size=5, unique=True)


@given(words, st.text("ab-c", max_size=30))
def test_whether_and_where_first_a_word_stands_is_the_same_word_by_word(needles: list[str], text: str) -> None:
    found = Search(needles)
    at_once, one_by_one = found.find(text.encode()), found._one_by_one(text.encode())
    assert at_once[:1] == one_by_one[:1]
    assert set(at_once) <= {*one_by_one, *at_once}


def test_where_the_interpreter_ends_words_are_found_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_closed", True)
    found = Search(["pass", "key"])
    monkeypatch.setattr(found, "_automaton", None)
    assert found.find(b"a key, a pass, a key") == [(1, 2, 5), (0, 9, 13), (1, 17, 20)]


def test_a_search_that_was_interrupted_does_not_hold_up_the_end() -> None:
    found = Search(["pass"])

    class Struck:
        def find_matches_as_indexes(self, said: bytes) -> None:
            assert search._searches(sys._getframe())
            raise KeyboardInterrupt

    found._automaton = Struck()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        found.find(b"a pass")
    assert not search._searches(sys._getframe())


def test_a_daemon_that_searches_when_the_interpreter_ends_does_not_abort_it() -> None:
    script = """
        import threading, time
        from otel_joblog.redaction import Redactor
        from otel_joblog.records import Output
        said = Output(bytes(16), bytes(8), 1, 1, 20_000, 9, 1, "\\n".join(["processed order 17"] * 20_000))
        redactor, begun = Redactor(), threading.Barrier(4)
        def forever():
            begun.wait()
            while True:
                redactor.encode(said)
        for _ in range(3):
            threading.Thread(target=forever, daemon=True).start()
        begun.wait()
        time.sleep(0.02)
    """
    command = [sys.executable, "-c", dedent(script)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
