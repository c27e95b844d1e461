"""The commands and programs of the documents for newcomers run, one after the other, as a reader would run them."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import ROOT, environment

import otel_joblog
from otel_joblog.cli.main import _COMMANDS

_BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)
_STATUS = re.compile(r"  # exit status (\d+)$")

# What a reader waits for, by what the document says that the command then prints.
AWAITED = {
    "otel-joblog list": "✓ success",
    "otel-joblog list --status error": "✗ error",
    "otel-joblog list --status lost": "† lost",
}


def blocks(document: str) -> list[tuple[str, str]]:
    return _BLOCK.findall((ROOT / "docs" / document).read_text())


def commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


class Reader:
    """Follows a document in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = environment(folder / "state", PATH=path, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")

    def save(self, source: str) -> None:
        """A program begins with the name of its file, in a comment."""
        (self.folder / source.partition("\n")[0].removeprefix("# ")).write_text(source)

    def run(self, command: str) -> str:
        """What it prints; its exit status is the one that the document says."""
        said = _STATUS.search(command)
        done = subprocess.run(
            ["bash", "-c", _STATUS.sub("", command)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == (int(said[1]) if said else 0), (command, done.stdout, done.stderr)
        return done.stdout

    def await_run(self, command: str) -> None:
        deadline = time.monotonic() + 60
        while AWAITED[command] not in self.run(command):
            assert time.monotonic() < deadline, f"{command} does not show what the document says"
            time.sleep(0.2)

    def failed_run(self) -> str:
        run_id: str = json.loads(self.run("otel-joblog list --status error --json"))[0]["run_id"]
        return run_id

    @contextmanager
    def viewer(self) -> Iterator[str]:
        """``otel-joblog serve`` on a free port; gives its address."""
        serve = ["otel-joblog", "serve", "--port", "0"]
        with subprocess.Popen(
            serve, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().split()[1]
            finally:
                process.terminate()
                process.wait(60)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.run("otel-joblog db stop")


def test_the_first_five_minutes_go_as_they_are_told(reader: Reader) -> None:
    seen = []
    with reader.viewer():
        for kind, block in blocks("first-five-minutes.md"):
            if kind == "python":
                reader.save(block)
                continue
            for command in commands(block):
                seen.append(command)
                if command in AWAITED:
                    reader.await_run(command)
                elif command.startswith("otel-joblog show "):
                    shown = reader.run(f"otel-joblog show {reader.failed_run()}")
                    assert "ValueError: invalid literal for int() with base 10: 'oops'" in shown
                    assert "wrote 5" in shown
                elif "kill -9" in command:  # once it is at work, however slow the machine
                    at_work = "> out & until grep -q 'second 1' out; do sleep 0.1; done"
                    reader.run(command.replace("& sleep 4", at_work))
                elif not command.startswith(("pip install ", "otel-joblog serve &", "sleep ")):
                    reader.run(command)
    assert len(seen) == 16


def test_the_command_of_the_api_runs(reader: Reader) -> None:
    with reader.viewer() as address:
        for _, block in blocks("api.md"):
            for command in commands(block):
                answer = json.loads(reader.run(command.replace("http://127.0.0.1:8765", address)))
                assert (answer["items"], answer["next"]) == ([], None)


def test_the_test_of_the_testing_aids_passes() -> None:
    for _, block in blocks("testing.md"):
        names: dict[str, object] = {"__name__": "documented"}
        exec(compile(block, "testing.md", "exec"), names)
        tested = [test for name, test in names.items() if name.startswith("test_")]
        assert tested
        for test in tested:
            assert callable(test)
            test()


def test_the_reference_names_every_argument_and_every_command() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    for function in (otel_joblog.job, otel_joblog.step):
        for name in inspect.signature(function).parameters:
            assert f"| `{name}` |" in reference
    for name in otel_joblog.__all__:
        assert f"`{name}" in reference
    for command in _COMMANDS:
        assert f"`{command}`" in reference, command
