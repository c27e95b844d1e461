"""What the documents say is true."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from grafana.fake import TOKEN, grafana

import otel_joblog
from otel_joblog.cli.main import main
from otel_joblog.config import documented
from otel_joblog.testing import recording

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def console_commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line[2:].split("  #")[0].strip() for block in blocks for line in block.splitlines() if line[:2] == "$ "]


def test_the_package_exports_its_table_of_contents_and_nothing_else() -> None:
    public = {name for name, value in vars(otel_joblog).items() if name[0] != "_" and not isinstance(value, type(sys))}
    assert public == set(otel_joblog.__all__)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    table = [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in documented()]
    assert "\n".join(table) in (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("block", python_blocks())
def test_the_python_of_the_readme_runs(block: str) -> None:
    with recording() as recorded:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert {run.status for run in recorded.runs} == {"success"}


def test_the_first_job_of_the_readme_leaves_what_it_says() -> None:
    with recording() as recorded:
        exec(compile(python_blocks()[0], "README.md", "exec"), {"__name__": "readme"})
    assert recorded.messages == ["loaded 3 rows for 2026-11-03", "wrote 0", "wrote 1", "wrote 2"]
    assert [(step.name, step.seq) for step in recorded.steps] == [("load", 1), ("write", 2), ("write", 3), ("write", 4)]
    assert recorded.progress[-1].current == 3


def test_every_command_of_the_readme_runs(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run_job: Callable[[], str]
) -> None:
    monkeypatch.setenv("OTEL_JOBLOG_DSN", dsn)
    monkeypatch.setenv("OTEL_JOBLOG_STATE_DIR", str(tmp_path))
    (tmp_path).chmod(0o700)
    monkeypatch.chdir(tmp_path)  # where files are written to that a command names
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    run_id = run_job()
    seen = []
    for command in console_commands():
        if command == "otel-joblog agent":
            assert starts_and_stops(command).startswith(f"Shipping what is below {tmp_path / 'journal'}")
            seen.append(command)
        elif command.startswith("otel-joblog dashboards install "):
            with grafana() as there:
                done = CliRunner().invoke(main, shlex.split(command.replace("http://localhost:3000", there.url))[1:])
            assert (done.exit_code, len(there.dashboards)) == (0, 4), done.output
            seen.append(command)
        elif command.startswith("otel-joblog ") and command != "otel-joblog serve":
            done = CliRunner().invoke(main, shlex.split(command.replace("3f9a1c", run_id[:6]))[1:])
            assert done.exit_code == 0, (command, done.output)
            seen.append(command)
        elif command.startswith("psql "):
            query = command.split(' -c "')[1].rstrip('"')
            with psycopg.connect(dsn) as connection:
                assert len(connection.execute(query.encode()).fetchall()) == 1
            seen.append(command)
        else:
            assert re.fullmatch(r"otel-joblog serve|make \w+|pip install \.|export .*", command)
    assert len(seen) == 10


def starts_and_stops(command: str) -> str:
    """The first line that a command prints which runs until it is told to stop."""
    program = [sys.executable, "-c", "from otel_joblog.cli.main import main; main()", *shlex.split(command)[1:]]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 0
    return first


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_the_documents_link_to_exists() -> None:
    written_for = [ROOT / "README.md", ROOT / "collector" / "README.md", ROOT / "dashboards" / "README.md"]
    for document in [*written_for, *(ROOT / "docs").glob("*.md")]:
        for target, section in re.findall(r"\]\(([^):#]+)#?([^):]*)\)", document.read_text()):
            linked = document.parent / target
            assert linked.exists(), f"{document.name} links to {target}"
            if section:
                headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
                assert section in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.fixture
def run_job(tmp_path: Path) -> Callable[[], str]:
    def run() -> str:
        program = "from otel_joblog import job\nwith job('shown') as run: print(run.run_id)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run
