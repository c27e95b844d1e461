"""What a command has started and left behind goes on as it would without ``otel-joblog run``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from otel_joblog.records import AFTER_END, Line
from tests.command.running import Running, until

LATE = "{ read line < fifo; echo late >&%d; echo later >&%d; echo alive > proof; } & echo first; exit 4"
KINDS = {
    "a child": LATE,
    "one in a session of its own": f"setsid sh -c '{LATE.partition(' & ')[0]}' & echo first; exit 4",
    "one that nohup keeps": f"nohup sh -c '{LATE.partition(' & ')[0]}' & echo first; exit 4",
}


@pytest.mark.parametrize("program", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("stream", [1, 2])
def test_they_print_when_the_command_has_ended(running: Running, program: str, stream: int) -> None:
    with running.start("sh", "-c", program.replace("%d", str(stream)), fifo=True) as process:
        assert process.wait(30) == 4  # it waits for nobody
        assert not (running.folder / "proof").exists()
        (running.folder / "fifo").write_text("go on\n")
        out, err = process.communicate(timeout=30)  # and whoever reads to the end waits for them, as without us
    assert [*out.splitlines(), *err.splitlines()] == [b"first", b"late", b"later"]
    assert (err == b"") == (stream == 1)
    assert (running.folder / "proof").exists()


def test_what_they_print_then_is_kept_with_the_run(running: Running) -> None:
    with running.start("sh", "-c", LATE.replace("%d", "1"), fifo=True) as process:
        process.wait(30)
        (running.folder / "fifo").write_text("go on\n")
    kept: list[tuple[int, str]] = []

    def all_three() -> bool:
        kept[:] = [(line.seq, line.message) for line in running.records() if isinstance(line, Line)]
        return len(kept) == 3

    until(all_three)
    assert kept == [(1, "first"), (AFTER_END, "late"), (AFTER_END + 1, "later")]
    assert (running.ended().lines, running.ended().attributes["joblog.exit_code"]) == (1, 4)


@pytest.mark.parametrize(("code", "expected"), [(0, b""), (3, b"first\nlate\n")])
def test_it_is_held_back_as_what_the_command_printed_was(running: Running, code: int, expected: bytes) -> None:
    program = f"{{ read line < fifo; echo late; }} & echo first; exit {code}"
    with running.start("sh", "-c", program, options=("--quiet-on-success",), fifo=True) as process:
        assert process.wait(30) == code
        (running.folder / "fifo").write_text("go on\n")
        assert process.communicate(timeout=30)[0] == expected


def test_no_signal_to_the_group_or_the_terminal_makes_them_die_of_sigpipe(running: Running) -> None:
    with running.start("sh", "-c", f"trap '' INT TERM HUP; {LATE.replace('%d', '1')}", fifo=True) as process:
        process.wait(30)
        pump = until(lambda: [one for one in running.wrappers() if one.pid != process.pid])[0]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pump.pid, number)
        (running.folder / "fifo").write_text("go on\n")
        assert process.communicate(timeout=30)[0] == b"first\nlate\nlater\n"


def test_whoever_has_stopped_reading_stops_them(running: Running) -> None:
    program = "{ read line < fifo; yes; echo $? > ended; } 2>/dev/null & echo first"
    with running.start("sh", "-c", program, fifo=True) as process:
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
        (running.folder / "fifo").write_text("go on\n")
        until((running.folder / "ended").exists)
    assert int((running.folder / "ended").read_text() or 141) == 128 + signal.SIGPIPE


def test_a_stream_ends_when_nobody_holds_it_any_more(running: Running) -> None:
    with running.start("sh", "-c", "{ read line < fifo; echo late >&2; } >/dev/null & exit 0", fifo=True) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b""  # though the other one is still held
        assert process.wait(30) == 0
        (running.folder / "fifo").write_text("go on\n")
        assert process.communicate(timeout=30)[1] == b"late\n"


def test_a_lock_is_free_when_the_command_has_ended(running: Running, tmp_path: Path) -> None:
    options = ("--lock", "fail", "--name", "one")
    with running.start("sh", "-c", LATE.replace("%d", "1"), options=options, fifo=True) as process:
        assert process.wait(30) == 4
        assert running("true", options=options).returncode == 0
        (tmp_path / "fifo").write_text("go on\n")
