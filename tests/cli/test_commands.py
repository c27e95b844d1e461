"""The commands as a user types them, each in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from otel_joblog.cli import agent
from otel_joblog.cli.main import main
from otel_joblog.journal import locks
from otel_joblog.journal.cursors import cursor_names
from otel_joblog.journal.folders import remove_folder
from otel_joblog.journal.recovery import dead_journals
from tests.cli.commands import JOBS, Command


@pytest.fixture
def after_two_jobs(environment: dict[str, str]) -> None:
    patient = environment | {"OTEL_JOBLOG_EXIT_TIMEOUT": "60"}  # all is shipped, however busy the machine
    subprocess.run([sys.executable, "-c", JOBS], env=patient, check=True, capture_output=True, timeout=60)


def test_list_says_what_to_do_when_there_is_nothing_yet(otel_joblog: Command) -> None:
    said = otel_joblog("list")
    assert (said.stdout, said.stderr[:16]) == ("", "No job logs yet.")


@pytest.mark.usefixtures("after_two_jobs")
def test_list_prints_a_line_of_fields_for_each_run_newest_first_when_it_is_piped(otel_joblog: Command) -> None:
    lines = [line.split("\t") for line in otel_joblog("list").stdout.splitlines()]
    assert [(status, job) for _, status, job, *_ in lines] == [("error", "import"), ("success", "export")]
    assert lines[0][-1] == "ValueError: invalid literal for int() with base 10: 'x'"


@pytest.mark.usefixtures("after_two_jobs")
def test_list_filters_pages_and_prints_json(otel_joblog: Command) -> None:
    assert [run["job"] for run in json.loads(otel_joblog("list", "--json").stdout)] == ["import", "export"]
    assert [run["job"] for run in json.loads(otel_joblog("list", "--json", "--status", "error").stdout)] == ["import"]
    first = otel_joblog("list", "--limit", "1")
    after = re.fullmatch(r"More: the same with --after (\S+)\n", first.stderr)
    assert after
    assert "export" in otel_joblog("list", "--after", after[1]).stdout
    assert otel_joblog("list", "--job", "none").stderr == "No runs match.\n"


@pytest.mark.usefixtures("after_two_jobs")
def test_show_prints_the_error_before_steps_and_lines(otel_joblog: Command) -> None:
    (run,) = json.loads(otel_joblog("list", "--json", "--job", "import").stdout)
    shown = otel_joblog("show", run["run_id"][:6]).stdout
    places = [
        shown.index(part)
        for part in ("✗ error", "Traceback", "when ", "1 of 1 line", "Steps", "✗ error parse", "said before")
    ]
    assert places == sorted(places)


@pytest.mark.usefixtures("after_two_jobs")
def test_show_gives_one_object_with_steps_and_logs(otel_joblog: Command) -> None:
    (run,) = json.loads(otel_joblog("list", "--json", "--job", "import").stdout)
    shown = json.loads(otel_joblog("show", run["run_id"], "--json").stdout)
    assert [step["name"] for step in shown["steps"]] == ["parse"]
    assert [line["message"] for line in shown["logs"]] == ["said before the fall"]
    assert shown["error"]["type"] == "ValueError"


def test_show_of_an_unknown_run_says_so_in_one_line(otel_joblog: Command) -> None:
    done = otel_joblog("show", "abcdef123", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_database_that_is_away_is_told_in_one_line(environment: dict[str, str]) -> None:
    environment["OTEL_JOBLOG_DSN"] = "postgresql://nobody@127.0.0.1:1/none"
    command = [sys.executable, "-m", "otel_joblog", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_migrate_is_done_once(empty_dsn: str, environment: dict[str, str], otel_joblog: Command) -> None:
    environment["OTEL_JOBLOG_DSN"] = empty_dsn
    assert otel_joblog("migrate").stdout.startswith("applied ")
    assert otel_joblog("migrate").stdout == "The schema is up to date.\n"


def test_doctor_finds_a_healthy_set_up_healthy(otel_joblog: Command) -> None:
    report = otel_joblog("doctor").stdout
    assert "✗" not in report
    assert "***" in report or "password" not in report


def test_doctor_names_what_to_mend(environment: dict[str, str], otel_joblog: Command) -> None:
    environment["OTEL_JOBLOG_LOG_LEVEL"] = "LOUD"
    done = otel_joblog("doctor", check=False)
    assert done.returncode == 1
    assert "OTEL_JOBLOG_LOG_LEVEL='LOUD' cannot be used: use DEBUG, INFO" in done.stdout


@pytest.mark.parametrize("how", [(), ("--json",)])
@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("INGEST_TOKEN", "geheim", "***"),
        ("DSN", "postgresql://me:geheim@127.0.0.1:1/db", "user=me password=*** dbname=db host=127.0.0.1 port=1"),
        ("DSN", "postgresql://127.0.0.1:1/db?password=geheim", "password=*** dbname=db host=127.0.0.1 port=1"),
        ("DSN", "host=127.0.0.1 port=1 password=geheim", "password=*** host=127.0.0.1 port=1"),
        ("DSN", "host=127.0.0.1 port=1 password = geheim", "password=*** host=127.0.0.1 port=1"),
        ("DSN", "host=127.0.0.1 port=1 password='a geheim'", "password=*** host=127.0.0.1 port=1"),
        ("DSN", "host=127.0.0.1 port=1 sslpassword=geheim", "host=127.0.0.1 port=1 sslpassword=***"),
        ("DSN", "host=127.0.0.1 port=1 passfile=/geheim", "passfile=*** host=127.0.0.1 port=1"),
        ("DSN", "host=127.0.0.1 password='geheim", "***"),
        ("READER_DSN", "host=127.0.0.1 port=1 password = geheim", "password=*** host=127.0.0.1 port=1"),
        ("READER_DSN", "postgresql://me:geheim@[::1", "***"),
        ("READER_DSN", "postgresql://me:x@y/geheim@db/shop", "***"),
        ("TRACE_URL", "http://me:x/geheim@traces/{trace_id}", "http://***@traces/{trace_id}"),
        ("TRACE_URL", "http://me:geheim@traces/{trace_id}", "http://***@traces/{trace_id}"),
    ],
)
def test_doctor_does_not_print_a_secret(
    environment: dict[str, str], otel_joblog: Command, variable: str, value: str, shown: str, how: tuple[str, ...]
) -> None:
    environment[f"OTEL_JOBLOG_{variable}"] = value
    told = otel_joblog("doctor", *how, check=False).stdout
    assert "geheim" not in told
    if how:
        told = "\n".join(finding["found"] for finding in json.loads(told) if finding["what"] == "settings")
    settings = dict(re.findall(r"OTEL_JOBLOG_(\w+)=(.*?)(?=, OTEL_JOBLOG_|$)", told, re.MULTILINE))
    assert sorted(settings[variable].split()) == sorted(shown.split())


def test_doctor_does_not_print_the_login_of_an_address(environment: dict[str, str], otel_joblog: Command) -> None:
    environment["OTEL_JOBLOG_TRACE_URL"] = "http://me:geheim@127.0.0.1/without"
    environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://me:geheim@127.0.0.1:4318"
    for how in ((), ("--json",)):
        told = otel_joblog("doctor", *how, check=False).stdout
        assert "geheim" not in told
        assert "http://***@127.0.0.1/without" in told
        assert "http://***@127.0.0.1:4318" in told


def test_doctor_tells_what_waits_and_why(environment: dict[str, str], otel_joblog: Command, tmp_path: Path) -> None:
    environment["OTEL_JOBLOG_DSN"] = "host=127.0.0.1 port=1 connect_timeout=1"
    (tmp_path / "jobs.py").write_text(JOBS)
    patient = environment | {"OTEL_JOBLOG_EXIT_TIMEOUT": "20"}
    subprocess.run([sys.executable, str(tmp_path / "jobs.py")], env=patient, check=True, capture_output=True)
    report = otel_joblog("doctor", check=False).stdout
    assert re.search(r"✗ postgres +\S+ (bytes|KB|kB|KiB) of 1 journal wait for it, the oldest record for ", report)
    assert "it has accepted nothing for" in report
    assert "PostgreSQL cannot be reached" in report


def test_recover_waits_for_what_somebody_else_ships_just_now(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OTEL_JOBLOG_DSN", "OTEL_JOBLOG_STATE_DIR"):
        monkeypatch.setenv(name, environment[name])
    nowhere = environment | {"OTEL_JOBLOG_DSN": "postgresql://127.0.0.1:1/none"}
    subprocess.run([sys.executable, "-c", JOBS], env=nowhere, capture_output=True, check=True)
    (folder,) = (tmp_path / "state" / "journal").glob("[!.]*/")
    (exporter,) = cursor_names(folder)

    def ship() -> None:
        with locks.held(folder / f"{exporter}.ship", exclusive=True):
            at_work.set()
            counted.wait(60)
            remove_folder(folder)

    def count(root: Path) -> list[Path]:
        found = dead_journals(root)
        counted.set()
        return found

    monkeypatch.setattr(agent, "dead_journals", count)
    at_work, counted = threading.Event(), threading.Event()
    somebody = threading.Thread(target=ship)
    somebody.start()
    at_work.wait()
    assert CliRunner().invoke(main, ["recover"]).output == "1 of 1 journals of dead processes shipped.\n"
    somebody.join()


def test_the_viewer_is_not_opened_to_the_network() -> None:
    done = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0"])
    assert done.exit_code == 1
    assert "not a loopback address" in done.output
    assert "--exposed" in done.output
    assert "otel-joblog users add NAME --role operator" in done.output


@pytest.fixture
def options() -> tuple[str, ...]:
    return ()


@pytest.fixture
def viewer(environment: dict[str, str], options: tuple[str, ...]) -> Iterator[str]:
    command = [sys.executable, "-m", "otel_joblog", "serve", "--port", "0", *options]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        line = next(line for line in process.stdout if line.startswith("Viewer: "))
        yield line.split()[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_serve_prints_its_address_answers_there_and_ends_on_sigterm(viewer: str) -> None:
    with urllib.request.urlopen(f"{viewer}/healthz", timeout=10) as answer:
        assert answer.status == 200
        told = json.load(answer)["journal"]
    assert (told["bytes"], told["limit"], told["exporters"]) == (0, 2**30, [])


@pytest.mark.parametrize("options", [("--host", "0.0.0.0", "--exposed", "--allow-host", "viewer")])
def test_an_exposed_viewer_answers_by_the_names_it_was_given_and_by_no_others(viewer: str) -> None:
    port = viewer.rpartition(":")[2]
    answered = {
        name: httpx.get(f"http://127.0.0.1:{port}/healthz", headers={"Host": f"{name}:{port}"}, timeout=60).status_code
        for name in ("localhost", "viewer", "evil.example")
    }
    assert answered == {"localhost": 200, "viewer": 200, "evil.example": 400}
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/traces", json={}, timeout=60)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "set OTEL_JOBLOG_INGEST_TOKEN" in answer.json()["message"], "it tells senders why it takes none"


def test_the_demo_checks_itself(environment: dict[str, str], otel_joblog: Command) -> None:
    del environment["OTEL_JOBLOG_DSN"]  # with the embedded server, as on a fresh machine
    shown = otel_joblog("demo", "--once", "--port", "0").stdout
    assert "✓ package-audit ended as success" in shown
    assert "✓ its second step is the one that failed" in shown
    assert "✗" not in shown
    state = Path(environment["OTEL_JOBLOG_STATE_DIR"])
    assert state.stat().st_mode & 0o777 == 0o700
    assert not list((state / "postgres" / "data").glob("postmaster.pid")), "what the demo started is stopped"


def test_ctrl_c_stops_all_that_the_demo_started(environment: dict[str, str]) -> None:
    import psutil

    del environment["OTEL_JOBLOG_DSN"]
    command = [sys.executable, "-m", "otel_joblog", "demo", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("Ctrl-C"):
                break
        family = psutil.Process(process.pid).children(recursive=True)
        assert any("otel_joblog.demo" in " ".join(child.cmdline()) for child in family)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
