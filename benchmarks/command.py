"""What ``otel-joblog run`` costs: how fast output passes, in how much memory, and what it adds to a short command.

Throughput: lines of about 100 bytes through the wrapper, beside a bare Python program that starts the same command with
a pipe pair and copies with ``os.read`` and ``os.write``; the two take turns, and whoever reads is this program. Two
commands: one that prints as fast as a pipe takes it (``cat`` of a file in memory), and one that makes its lines. What
was recorded is counted afterwards, line by line.

Start and end: ``otel-joblog run -- true`` less ``true``, with PostgreSQL up, down, silent (it accepts and never
answers) and gone (it does not even accept). What a run leaves to the background is waited for before the next.

    python benchmarks/command.py [--megabytes 1000] [--rounds 5] [--starts 21]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from otel_joblog.journal.folders import journal_folders
from otel_joblog.journal.frames import scan
from otel_joblog.journal.segments import read_file, segment_numbers, segment_path
from otel_joblog.records import Dropped, decode, holds_lines, lines_of
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.server.embedded import EmbeddedServer

RATIO, MEMORY, ADDED = 0.5, 40e6, 60.0  # bounds: of the bare program's speed, bytes, ms

BARE = """
import os, sys
out, err = os.pipe(), os.pipe()
actions = [(os.POSIX_SPAWN_DUP2, out[1], 1), (os.POSIX_SPAWN_DUP2, err[1], 2)]
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
os.close(out[1]); os.close(err[1])
while data := os.read(out[0], 65536):
    os.write(1, data)
os.waitpid(pid, 0)
"""
MAKER = r'BEGIN { for (n = 0; n < lines; n++) printf "2026-11-03 10:00:00,%03d INFO processed order %010d of the eastern warehouse for a customer of the shop\n", n % 1000, n }'  # noqa: E501
RUN = [str(Path(sys.executable).with_name("otel-joblog")), "run", "--"]


def line(number: int) -> str:
    head = f"2026-11-03 10:00:00,{number % 1000:03d} INFO processed order {number:010d}"
    return f"{head} of the eastern warehouse for a customer of the shop\n"


def environment(state: Path, dsn: str) -> dict[str, str]:
    """With all modules compiled once the first round is over, as pip leaves them, whatever is set around us."""
    away = ("OTEL_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(away)}
    ours = {"OTEL_JOBLOG_STATE_DIR": str(state), "OTEL_JOBLOG_DSN": dsn}
    return kept | ours | {"PYTHONPYCACHEPREFIX": str(state.parent / "compiled")}


class Passing:
    """One command's output, read to its end."""

    def __init__(self, program: list[str], env: dict[str, str]) -> None:
        began = time.perf_counter()
        self.bytes = self.memory = 0
        with subprocess.Popen(program, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            look = 0
            while data := os.read(process.stdout.fileno(), 1 << 18):
                self.bytes += len(data)
                if self.bytes > look:
                    look += 50_000_000
                    self.memory = max(self.memory, peak(process.pid))
        self.speed = self.bytes / (time.perf_counter() - began) / 1e6


def peak(pid: int) -> int:
    """Bytes that a process has had resident at most (VmHWM)."""
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/status").read_text().splitlines():
            if entry.startswith("VmHWM:"):
                return int(entry.split()[1]) * 1024
    return 0


def background() -> list[psutil.Process]:
    ours = "from otel_joblog.command."
    return [one for one in psutil.process_iter(["cmdline"]) if ours in " ".join(one.info["cmdline"] or ())]


def wait_for_background(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while background() and time.monotonic() < deadline:
        time.sleep(0.02)


def recorded(state: Path) -> tuple[int, int]:
    """Lines in the journals, and lines of which they say that they were given up."""
    kept = given_up = 0
    for folder in journal_folders(state / "journal"):
        for number in segment_numbers(folder):
            data = read_file(segment_path(folder, number), 0, 1 << 30)
            for payload in scan(data, final=True, limit=len(data)).payloads:
                if holds_lines(payload[:2]):
                    kept += lines_of(payload)
                elif isinstance(record := decode(payload), Dropped):
                    given_up += record.lines
    return kept, given_up


def throughput(folder: Path, megabytes: int, rounds: int) -> bool:
    lines = megabytes * 1_000_000 // len(line(0))
    file = folder / "lines.txt"
    with file.open("w") as made:
        for number in range(lines):
            made.write(line(number))
    failed = False
    for name, command in (("cat", ["cat", str(file)]), ("awk", ["awk", "-v", f"lines={lines}", MAKER])):
        ratios, speeds, memory, counts = [], [], 0, set()
        for turn in range(rounds + 1):
            state = folder / f"state-{turn}"
            bare = Passing([sys.executable, "-S", "-c", BARE, *command], dict(os.environ))
            ours = Passing([*RUN, *command], environment(state, "host=127.0.0.1 port=1"))
            assert ours.bytes == bare.bytes == lines * len(line(0))
            wait_for_background(60)
            counts.add(recorded(state))
            shutil.rmtree(state)
            memory = max(memory, ours.memory)
            if turn:  # the first round warms up
                ratios.append(ours.speed / bare.speed)
                speeds.append((bare.speed, ours.speed))
        ratio = statistics.median(ratios)
        bare_speed, our_speed = (statistics.median(each) for each in zip(*speeds, strict=True))
        print(f"{name}, {megabytes} MB: {bare_speed:.0f} MB/s bare, {our_speed:.0f} MB/s through `run`")
        print(f"  run / bare: {ratio:.2f}  (bound {RATIO:.2f}: {'met' if ratio >= RATIO else 'MISSED'})")
        held = "met" if memory <= MEMORY else "MISSED"
        print(f"  wrapper, peak: {memory / 1e6:.1f} MB  (bound {MEMORY / 1e6:.0f}: {held})")
        whole = all(kept + given_up == lines for kept, given_up in counts)
        print(
            f"  of {lines} lines recorded and given up: {sorted(counts)}  ({'all there' if whole else 'SOME MISSING'})"
        )
        failed |= ratio < RATIO or memory > MEMORY or not whole
    return failed


def milliseconds(program: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(program, env=env, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return (time.perf_counter() - began) * 1e3


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A server that accepts and never answers: the kernel does, as long as its backlog has room."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        yield f"host=127.0.0.1 port={server.getsockname()[1]}"


@contextlib.contextmanager
def gone() -> Iterator[str]:
    """One whose backlog is full: what asks to be let in is not even answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        for _ in range(8):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(server.getsockname())
        time.sleep(0.2)
        yield f"host=127.0.0.1 port={server.getsockname()[1]}"


def starts(folder: Path, rounds: int) -> bool:
    server = EmbeddedServer(folder / "postgres")
    server.start()
    migrate(server.dsn)
    failed = False
    try:
        with silent() as mute, gone() as full:
            for name, dsn in (("up", server.dsn), ("down", "host=127.0.0.1 port=1"), ("silent", mute), ("gone", full)):
                env = environment(folder / f"start-{name}", dsn)
                added, bare = [], []
                for turn in range(rounds + 1):
                    alone, through = milliseconds(["true"], env), milliseconds([*RUN, "true"], env)
                    if turn:
                        added.append(through - alone)
                        bare.append(milliseconds([sys.executable, "-c", "pass"], env) - alone)
                    wait_for_background(3 if name in {"up", "down"} else 0.7)
                middle = statistics.median(added)
                told = f"(bound {ADDED:.0f}: {'met' if middle <= ADDED else 'MISSED'})"
                python = f"; Python that does nothing: {statistics.median(bare):.1f}"
                print(f"`run -- true`, PostgreSQL {name}: {middle:.1f} ms more than `true`  {told}{python}")
                failed |= middle > ADDED
                wait_for_background(20)
    finally:
        server.stop()
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=21)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ojb-") as folder:
        late = starts(Path(folder), given.starts) if given.starts else False
        slow = throughput(Path(folder), given.megabytes, given.rounds) if given.rounds else False
    return int(slow or late)


if __name__ == "__main__":
    sys.exit(main())
