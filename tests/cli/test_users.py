"""Accounts as they are made on the command line, and a viewer that has some."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import Command
from tests.cli.ptys import on_terminal

USERS = [sys.executable, "-m", "otel_joblog", "users"]
PASSWORD = "correct horse"


def with_password(
    environment: dict[str, str], *words: str, password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*USERS, *words, "--stdin"],
        env=environment,
        input=f"{password}\nmore\n",
        capture_output=True,
        text=True,
        check=False,
    )


def file_of(environment: dict[str, str]) -> Path:
    return Path(environment["OTEL_JOBLOG_STATE_DIR"]) / "users.json"


def test_a_password_is_asked_for_twice_and_not_shown(environment: dict[str, str]) -> None:
    typed = [("Password:", f"{PASSWORD}\n"), ("Again:", f"{PASSWORD}\n")]
    said = on_terminal([*USERS, "add", "anna", "--role", "operator"], environment, 100, asked=typed)
    assert "Password:" in said
    assert "Again:" in said
    assert said.endswith("Added anna (operator).\n")
    assert file_of(environment).stat().st_mode & 0o777 == 0o600
    (user,) = json.loads(file_of(environment).read_text())["users"]
    assert user["password"].startswith("$argon2id$")


def test_accounts_are_added_listed_changed_and_removed(environment: dict[str, str], otel_joblog: Command) -> None:
    assert "There are no users in" in otel_joblog("users", "list").stderr
    assert with_password(environment, "add", "anna").stdout == "Added anna (viewer).\n"
    made = otel_joblog("users", "add", "collector", "--role", "ingest", "--token")
    assert len(made.stdout.strip()) == 50
    assert made.stdout.strip() not in file_of(environment).read_text()
    listed = otel_joblog("users", "list").stdout.splitlines()
    assert [line.split()[:3] for line in listed] == [
        ["NAME", "ROLE", "BY"], ["anna", "viewer", "password"], ["collector", "ingest", "token"],
    ]  # fmt: skip
    before = file_of(environment).read_text()
    assert (
        with_password(environment, "passwd", "anna", password="another one").stdout == "Changed the password of anna.\n"
    )
    assert file_of(environment).read_text() != before
    assert otel_joblog("users", "remove", "anna").stdout == "Removed anna.\n"
    assert [line.split()[0] for line in otel_joblog("users", "list").stdout.splitlines()] == ["NAME", "collector"]
    told = [json.loads(line) for line in (file_of(environment).parent / "audit.jsonl").read_text().splitlines()]
    assert [line["what"] for line in told] == ["user added", "user added", "password changed", "user removed"]
    assert PASSWORD not in str(told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "a:b", "--stdin"), "without a colon"),
        (("add", "anna", "--role", "ingest"), "add --token"),
        (("add", "anna", "--token", "--stdin"), "use --token or --stdin"),
        (("add", "anna"), "use --stdin"),
        (("add", "anna", "--stdin"), "a password has 8 characters at least"),
        (("passwd", "nobody", "--stdin"), "there is no user nobody"),
        (("remove", "nobody"), "there is no user nobody"),
    ],
)
def test_what_cannot_be_done_is_told(words: tuple[str, ...], said: str, environment: dict[str, str]) -> None:
    command = [*USERS, *words]
    done = subprocess.run(command, env=environment, input="short\n", capture_output=True, text=True, check=False)
    assert done.returncode in {1, 2}
    assert said in done.stderr


def test_a_name_is_given_once_and_what_is_no_file_of_accounts_is_left_alone(
    environment: dict[str, str], otel_joblog: Command
) -> None:
    with_password(environment, "add", "anna")
    assert "there is a user anna already" in with_password(environment, "add", "anna").stderr
    file_of(environment).write_text("{}")
    done = otel_joblog("users", "remove", "anna", check=False)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert file_of(environment).read_text() == "{}"


def test_accounts_added_at_once_are_all_there(environment: dict[str, str], otel_joblog: Command) -> None:
    names = [f"robot-{number}" for number in range(4)]
    adding = [threading.Thread(target=otel_joblog, args=("users", "add", name, "--token")) for name in names]
    for one in adding:
        one.start()
    for one in adding:
        one.join()
    assert {line.split()[0] for line in otel_joblog("users", "list").stdout.splitlines()} == {"NAME", *names}


def test_with_users_the_viewer_listens_anywhere_asks_who_is_there_and_takes_their_otlp(
    environment: dict[str, str], otel_joblog: Command
) -> None:
    with_password(environment, "add", "anna")
    token = otel_joblog("users", "add", "collector", "--role", "ingest", "--token").stdout.strip()
    command = [sys.executable, "-m", "otel_joblog", "serve", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        address = next(line for line in process.stdout if line.startswith("Viewer: ")).split()[1]
        address = address.replace("0.0.0.0", "127.0.0.1")
        assert "One must sign in. This is plain HTTP" in process.stdout.readline()
        runs, traces = f"{address}/api/v1/runs", f"{address}/v1/traces"
        assert httpx.get(runs, timeout=60).status_code == 401
        assert httpx.get(runs, auth=("anna", PASSWORD), timeout=60).status_code == 200
        shown = {"Authorization": f"Bearer {token}"}
        assert httpx.get(runs, headers=shown, timeout=60).status_code == 403
        assert httpx.post(traces, json={}, timeout=60).status_code == 401
        assert httpx.post(traces, json={}, auth=("anna", PASSWORD), timeout=60).status_code == 401
        assert httpx.post(traces, json={}, headers=shown, timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
