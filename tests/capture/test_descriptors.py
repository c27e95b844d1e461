"""``capture_output="fd"``: what C code and subprocesses write is kept, and goes out as ever."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from otel_joblog import job
from otel_joblog.errors import ConfigError
from otel_joblog.records import Line, SpanEnded
from tests.processes import environment, journaled, run

OUTPUT = """
    import ctypes, logging, os, subprocess, sys, threading
    from otel_joblog import job, step

    libc = ctypes.CDLL(None)
    logging.basicConfig(format="%(message)s", level=logging.INFO)

    @job(capture_output="fd")
    def everything():
        print("from python")
        os.write(1, b"from the descriptor\\n")
        libc.puts(b"from C")
        with step("child"):
            subprocess.run(["sh", "-c", "echo from a child; echo in trouble >&2"])
        logging.warning("logged")
        with job("inner"):
            os.write(1, b"from within\\n")
        os.write(2, b"no end of line")

    everything()
    os.write(1, b"afterwards\\n")
"""


def recorded(folder: Path) -> list[tuple[str, str, int]]:
    """``(name of the run or step, message, stream)`` of every line."""
    records = journaled(folder)
    names = {record.span_id: record.name for record in records if isinstance(record, SpanEnded)}
    lines = sorted((record for record in records if isinstance(record, Line)), key=lambda line: (line.time, line.seq))
    return [(names[line.span_id], line.message, line.stream) for line in lines]


def test_what_anything_writes_is_kept_under_its_step_and_goes_out_as_ever(tmp_path: Path) -> None:
    done = run(OUTPUT, tmp_path)
    assert done.returncode == 0
    assert done.stdout == "from python\nfrom the descriptor\nfrom C\nfrom a child\nfrom within\nafterwards\n"
    ours = re.compile("otel_joblog: .*\n?")  # once, at some time, that no database is there
    assert ours.sub("", done.stderr) == "in trouble\nlogged\nno end of line"
    lines = recorded(tmp_path)
    assert [line for line in lines if line[2] < 2] == [
        ("everything", "from python", 1),
        ("everything", "from the descriptor", 1),
        ("everything", "from C", 1),
        ("child", "from a child", 1),
        ("everything", "logged", 0),
        ("inner", "from within", 1),
    ]
    assert [line for line in lines if line[2] == 2] == [
        ("child", "in trouble", 2),
        ("everything", "no end of line", 2),
    ]


def test_a_second_run_at_once_is_refused_the_descriptors_and_keeps_its_lines(tmp_path: Path) -> None:
    source = """
        import threading
        from otel_joblog import job

        both, turn = threading.Barrier(2), threading.Lock()

        def one(name):
            with job(name, capture_output="fd"):
                both.wait()
                with turn:  # print() writes a text and its newline apart
                    print(f"of {name}")
                both.wait()

        threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """
    done = run(source, tmp_path)
    assert sorted(done.stdout.splitlines()) == ["of a", "of b"]
    assert "is not available while another run goes on" in done.stderr
    assert sorted(message for _, message, _ in recorded(tmp_path)) == ["of a", "of b"]  # each once


def test_a_step_that_ends_elsewhere_leaves_what_is_written_to_the_one_that_goes_on(tmp_path: Path) -> None:
    source = """
        import os, threading
        from otel_joblog import job, step

        begun, end, ended = threading.Event(), threading.Event(), threading.Event()

        def other():
            with step("other"):
                begun.set()
                end.wait()
            ended.set()

        with job("all", capture_output="fd"):
            thread = threading.Thread(target=other)
            thread.start()
            begun.wait()
            outer, inner = step("outer"), step("inner")
            outer.__enter__()
            inner.__enter__()
            end.set()
            ended.wait()
            os.write(1, b"in inner\\n")
            outer.__exit__(None, None, None)
            os.write(1, b"still in inner\\n")
            inner.__exit__(None, None, None)
            os.write(1, b"in none\\n")
            thread.join()
    """
    assert run(source, tmp_path).returncode == 0
    assert recorded(tmp_path) == [("inner", "in inner", 1), ("inner", "still in inner", 1), ("all", "in none", 1)]


def test_a_flood_of_output_passes_and_is_kept(tmp_path: Path) -> None:
    source = """
        import subprocess
        from otel_joblog import job

        with job("flood", capture_output="fd"):
            subprocess.run(["sh", "-c", "seq 1 100000"])
    """
    done = run(source, tmp_path)
    wanted = [str(number) for number in range(1, 100_001)]
    assert done.stdout.split() == wanted
    assert [message for _, message, _ in recorded(tmp_path)] == wanted


def test_a_record_that_a_handler_prints_is_no_output_however_large(tmp_path: Path) -> None:
    source = """
        import logging
        from otel_joblog import job

        logging.basicConfig(format="%(message)s")
        with job("x", capture_output="fd"):
            logging.warning("w" * 3_000_000)
            logging.warning("after")
    """
    done = run(source, tmp_path)
    assert len(done.stderr) == 3_000_007
    assert [(len(message), stream) for _, message, stream in recorded(tmp_path)] == [(3_000_000, 0), (5, 0)]


def test_another_word_is_refused_where_it_is_said() -> None:
    with pytest.raises(ConfigError, match='use True, False or "fd"'):
        job("x", capture_output="tty")  # type: ignore[call-overload]


FILE = """
    import os, subprocess, sys
    from otel_joblog import job

    with job("x", capture_output="fd"):
        print("one")
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        print("zwei \u00fc", sys.stdout.tell(), flush=True)
        subprocess.run(["echo", "three"])
        sys.stdout.reconfigure(encoding="utf-16")  # no mark at its beginning, as it is not the beginning
        print("four")
        sys.stdout.reconfigure(encoding="latin-1", newline="\\r\\n", line_buffering=True)
        sys.stdout.seek(0, os.SEEK_END)
        print("five \u00fc")
        print(sys.stdout.line_buffering, sys.stdout.encoding)
    print("after")
"""


def test_a_file_as_stdout_may_be_asked_where_it_is_and_given_another_encoding(tmp_path: Path) -> None:
    written = []
    for folder, enabled in ((tmp_path / "y", "false"), (tmp_path / "x", "true")):
        folder.mkdir()
        script, log = folder / "script.py", folder / "log"
        script.write_text(dedent(FILE))
        log.write_text("yesterday\n")
        variables = environment(folder / "state", OTEL_JOBLOG_ENABLED=enabled, PYTHONIOENCODING="ascii")
        with log.open("ab") as out:  # as cron's >> log
            subprocess.run([sys.executable, script], env=variables, cwd=folder, stdout=out, check=True, timeout=60)
        written.append(log.read_bytes())
    assert written[0] == written[1]
    assert [message for _, message, _ in recorded(tmp_path / "x") if "f" not in message] == [
        "one",
        "zwei \u00fc 14",
        "three",
        "True latin-1",
    ]


def test_what_a_job_puts_in_the_place_of_its_descriptors_stays_there(tmp_path: Path) -> None:
    source = """
        import os, sys
        from otel_joblog import job

        with job("daemon", capture_output="fd"):
            print("before")
            sys.stdout.flush()
            log = os.open("log", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.close(2)
            print("in the log")
        print("in the log, too", flush=True)
        os.write(1, b"as this\\n")
    """
    done = run(source, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "before\n", "")
    assert (tmp_path / "log").read_text() == "in the log\nin the log, too\nas this\n"
    assert [message for _, message, _ in recorded(tmp_path)] == ["before"]
