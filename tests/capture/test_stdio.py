"""What stands for sys.stdout and sys.stderr can do what they can, and is not found out."""

from __future__ import annotations

import contextlib
import gc
import io
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from otel_joblog import job
from otel_joblog.testing import Recorded, recording
from tests import processes


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


@contextlib.contextmanager
def standing() -> Iterator[io.TextIOWrapper]:
    """A file as ``sys.stdout``. (Set by a fixture, pytest would replace it.)"""
    with contextlib.redirect_stdout(
        io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="replace", newline="\r\n")
    ) as file:
        yield file


def written(stream: Any) -> str:
    stream.flush()
    return str(stream.buffer.getvalue(), stream.encoding)


def test_its_own_c_functions_take_it_and_what_they_write_is_kept(recorded: Recorded) -> None:
    with standing() as file, job("x"):
        print("before")
        assert io.TextIOWrapper.write(sys.stdout, "\u00fcnbound \u20ac \ud800\n") == 12  # type: ignore[arg-type]
        io.TextIOWrapper.writelines(sys.stdout, ["one\n", "two\n"])  # type: ignore[arg-type]
        io.TextIOWrapper.flush(sys.stdout)  # type: ignore[arg-type]
        assert io.TextIOWrapper.writable(sys.stdout)  # type: ignore[arg-type]
        print("after")
        assert io.TextIOWrapper.closed.__get__(sys.stdout) is False  # type: ignore[attr-defined]
    assert recorded.messages == ["before", "\u00fcnbound \u20ac \\ud800", "one", "two", "after"]
    assert written(file) == "before\r\n\u00fcnbound ? ?\r\none\r\ntwo\r\nafter\r\n"


def test_it_answers_for_the_stream() -> None:
    names = [name for name in dir(io.TextIOWrapper) if not name.startswith("__") and name != "write"]
    with standing() as file, job("x"):
        file.marked = True  # type: ignore[attr-defined]
        tap: Any = sys.stdout
        assert tap is not file
        for name in names:
            if name not in {"reconfigure", "seek", "tell", "truncate", "writelines"}:
                assert getattr(tap, name, None) == getattr(file, name, None)
        assert (tap.reconfigure.__name__, tap.marked, vars(tap)) == ("reconfigure", True, vars(file))
        assert (repr(tap), hash(tap), dir(tap)) == (repr(file), hash(file), dir(file))
        assert tap == file == tap
        assert tap != sys.__stdout__
        assert {tap: 1}[file] == 1  # type: ignore[index]
        assert isinstance(tap, io.TextIOWrapper)
        assert tap.__class__ is io.TextIOWrapper
        tap.reconfigure(encoding="utf-8", newline="\n", line_buffering=True)
        tap._CHUNK_SIZE = 100
    assert (file.encoding, file.line_buffering, file._CHUNK_SIZE) == ("utf-8", True, 100)  # type: ignore[attr-defined]


def test_a_subclass_with_more_to_it_is_answered_for_too(monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    class Own(io.TextIOWrapper):
        def getvalue(self) -> bytes:
            self.flush()
            return self.buffer.getvalue()  # type: ignore[attr-defined,no-any-return]

        def write(self, text: str) -> int:
            return super().write(text.upper())

    monkeypatch.setattr(sys, "stdout", Own(io.BytesIO(), encoding="ascii"))
    with job("x"):
        print("loud")
        assert isinstance(sys.stdout, Own)
        assert sys.stdout.getvalue() == b"LOUD\n"
    assert recorded.messages == ["loud"]


@pytest.mark.parametrize("kind", [io.StringIO, lambda: io.TextIOWrapper(io.BytesIO())], ids=["duck", "text"])
def test_it_can_be_referred_to_weakly_and_closes_nothing_when_it_goes(kind: Any, monkeypatch: Any) -> None:
    target = kind()
    monkeypatch.setattr(sys, "stdout", target)
    with job("x"):
        tap = weakref.ref(sys.stdout)
        locks = weakref.WeakKeyDictionary({sys.stdout: "lock"})
        assert locks[sys.stdout] == "lock"
    gc.disable()
    try:
        assert tap() is None  # at once: it would keep the stream open
    finally:
        gc.enable()
    assert not target.closed
    closing = weakref.ref(target)
    monkeypatch.undo()
    del target
    assert closing() is None


def test_what_was_handed_the_stand_in_goes_on_with_it(recorded: Recorded) -> None:
    with standing() as file:
        with job("x"):
            out = sys.stdout
        print("between", file=out)
        sys.stdout = out
        with job("y"):
            print("again", file=out)
            print("and again")
        assert sys.stdout is file
        print("after", file=out)
    assert written(file) == "between\r\nagain\r\nand again\r\nafter\r\n"
    assert recorded.messages == ["again", "and again"]


def test_a_wrapper_that_a_job_leaves_behind_is_not_heard_twice(recorded: Recorded) -> None:
    class Tee:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, text: str) -> int:
            return int(self.stream.write(text))

        def flush(self) -> None:
            self.stream.flush()

    with standing() as file:
        with job("x"):
            sys.stdout = Tee(sys.stdout)  # type: ignore[assignment]
            print("one")
        with job("y"):
            print("two")
        print("three")
    assert recorded.messages == ["one", "two"]
    assert written(file) == "one\r\ntwo\r\nthree\r\n"


SCRIPTS = {
    "tracebacks through it": """
        import traceback
        with job("x"):
            for call in (lambda: sys.stdout.nothing, lambda: sys.stdout.write(5), lambda: sys.stdout.writelines([5]),
                         lambda: sys.stdout.tell(), lambda: sys.stdout.reconfigure(encoding="klingon"),
                         lambda: io.TextIOWrapper.write(sys.stdout, 5), lambda: next(sys.stdout),
                         lambda: iter(sys.stdout), lambda: sys.stdout.read()):
                try:
                    call()
                except Exception:
                    traceback.print_exc()
        """,
    "what it says of itself": """
        import copy, pickle, weakref
        def tell():
            for name in ("encoding", "errors", "newlines", "line_buffering", "write_through", "closed", "name", "mode"):
                print(name, getattr(sys.stdout, name), getattr(sys.stderr, name))
            print(repr(sys.stdout), sys.stdout == sys.__stdout__, hash(sys.stdout) == hash(sys.__stdout__))
            print([getattr(sys.stdout, name)() for name in ("fileno", "isatty", "seekable", "readable", "writable")])
            for call in (pickle.dumps, copy.copy, copy.deepcopy, iter, next, type(sys.__stdout__).read):
                try:
                    print(call(sys.stdout))
                except Exception as error:
                    print(repr(error))
            print(weakref.ref(sys.stdout)() is sys.stdout)
            print(sys.stdout.write("x"), io.TextIOWrapper.write(sys.stdout, "y"))
            print(io.TextIOWrapper.fileno(sys.stderr), io.TextIOWrapper.isatty(sys.stdout), f"{sys.stdout}")
        tell()
        with job("x"):
            tell()
        tell()
        """,
    "structlog, first in a job": """
        with job("x"):
            import structlog
            structlog.PrintLogger().info("in the job")
            logger = structlog.PrintLogger()
        logger.info("after it")
        structlog.PrintLogger().info("another")
        with job("y"):
            structlog.PrintLogger().info("in another job")
            import copy
            copy.deepcopy(logger).info("copied")
        """,
    "bars, boxes and commands": """
        import click, rich.console, tqdm
        with job("x"):
            click.echo("click")
            click.secho("err", err=True, fg="red")
            console = rich.console.Console()
            console.print("[bold]rich[/bold]", 1)
            for _ in tqdm.tqdm(range(3), file=sys.stdout, bar_format="{n_fmt}"):
                pass
            tqdm.tqdm.write("written")
        click.echo("click")
        console.print("later")
        """,
    "descriptors": """
        import faulthandler, subprocess
        with job("x"):
            faulthandler.enable(sys.stderr)
            faulthandler.dump_traceback(sys.stderr, all_threads=False)
            print("first", flush=True)
            subprocess.run(["echo", "child"], stdout=sys.stdout, stderr=sys.stderr)
            sys.stdout.buffer.write(b"bytes\\n")
            sys.stdout.flush()
            os.write(sys.stdout.fileno(), b"by number\\n")
            saved = os.dup(sys.stdout.fileno())
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            print("to stderr", flush=True)
            os.dup2(saved, sys.stdout.fileno())
            print("and back")
        """,
    "redirected, wrapped, opened anew and closed": """
        import codecs
        with job("x"):
            with contextlib.redirect_stdout(sys.stderr):
                print("to stderr")
            codecs.getwriter("utf-8")(sys.stdout.buffer).write("codec\\n")
            with contextlib.redirect_stdout(io.StringIO()) as held:
                print("held")
            sys.stdout.reconfigure(encoding="latin-1", errors="replace", line_buffering=True)
            print("\\u20ac", held.getvalue())
            old = sys.stdout
            sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8")
            print("\\u20ac")
            try:
                old.write("x")
            except ValueError as error:
                print(error)
        print("after")
        """,
    "closed by its C function": """
        with job("x"):
            print("open")
            io.TextIOWrapper.close(sys.stdout)
            print(sys.stdout.closed, io.TextIOWrapper.closed.__get__(sys.stdout), file=sys.stderr)
            try:
                io.TextIOWrapper.write(sys.stdout, "x")
            except ValueError as error:
                print(error, file=sys.stderr)
        """,
    "with sys.stdout": """
        with job("x"):
            with sys.stdout as out:
                print("in it", file=out)
            try:
                print("closed")
            except ValueError as error:
                print(error, sys.stdout.closed, file=sys.stderr)
        """,
    "collected": """
        with job("x"):
            out, sys.stdout = sys.stdout, io.StringIO()
            del out
            gc.collect()
            print("nowhere")
            sys.stdout = sys.__stdout__
            print("there")
        with job("y"):
            sys.stdout = open(os.devnull, "w")
            sys.stdout = sys.__stdout__
        print("still there")
        """,
    "a handler made in a run": """
        with job("x"):
            logging.basicConfig(stream=sys.stdout, format="%(message)s")
            default = logging.StreamHandler()
            print(default)
            logging.warning("in it")
        logging.getLogger("other").addHandler(default)
        logging.getLogger("other").warning("after it")
        with job("y"):
            logging.getLogger("other").warning("in another")
        print(logging.root.handlers)
        """,
    "debuggers, examples and tests": """
        import code, doctest, pdb, types, unittest
        def add(a, b):
            '''
            >>> add(1, 2); print("printed")
            3
            printed
            >>> add(1, 3)
            5
            '''
            return a + b
        class Case(unittest.TestCase):
            def test_fails(self):
                print("kept back")
                self.assertTrue(False)
            def test_passes(self):
                print("dropped")
        with job("x"):
            print(doctest.run_docstring_examples(add, {"add": add}))
            suite = unittest.TestLoader().loadTestsFromTestCase(Case)
            result = unittest.TextTestRunner(stream=io.StringIO(), buffer=True).run(suite)
            print(len(result.failures), "kept back" in result.failures[0][1])
            sys.stdin = io.StringIO("print(6 * 7)\\nraise ValueError\\n")
            code.interact(banner="here", exitmsg="gone")
            pdb.Pdb(stdin=io.StringIO("p 1 + 1\\nc\\n"), stdout=sys.stdout).runcall(add, 1, 2)
        """,
}  # fmt: skip

PRELUDE = "import contextlib, gc, io, logging, os, sys\nfrom otel_joblog import job\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_the_same_with_and_without(name: str, tmp_path: Path) -> None:
    enabled, disabled = processes.with_and_without(PRELUDE + dedent(SCRIPTS[name]), tmp_path)
    assert enabled == disabled
    assert any(disabled)
    assert disabled[0] == 0
