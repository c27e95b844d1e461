"""docker-compose.yml names nothing that is not there, and opens nothing."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from click.testing import CliRunner
from psycopg import sql
from psycopg.conninfo import make_conninfo

from otel_joblog.cli.main import main
from otel_joblog.config import documented
from otel_joblog.schedules import due_times
from otel_joblog.store.write.writer import Writer
from tests.store.samples import PROCESS, ended, started

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
READ_BY_OTHERS = {
    "GOMEMLIMIT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_SERVICE_NAME",
    "POSTGRES_PASSWORD",
}


def mounts() -> Iterator[tuple[str, str, str]]:
    """Service, source and target of every volume."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source, target, *_ = volume.split(":")
            yield name, source, target


def listened(service: str) -> set[str]:
    """Ports that the service's own configuration, or its program by itself, listens on."""
    files = {"collector": "collector/config.yaml", "jaeger": "collector/jaeger/config.yaml"}
    if service not in files:
        return {"postgres": {"5432"}, "grafana": {"3000"}, "viewer": {"8765"}, "prometheus": {"9090"}}[service]
    configuration = yaml.safe_load((ROOT / files[service]).read_text())
    listening = [configuration["extensions"], configuration["receivers"], configuration["exporters"].get("prometheus")]
    words = yaml.safe_dump([*listening, configuration["service"]["telemetry"]])
    return set(re.findall(r"(?:endpoint: \S+:|port: )(\d{4,5})\b", words))


@pytest.fixture
def passwords(tmp_path: Path) -> dict[str, str]:
    """What ``make .env`` writes."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", ".env"], cwd=tmp_path, check=True, capture_output=True)
    written = tmp_path / ".env"
    assert written.stat().st_mode & 0o777 == 0o600
    return dict(line.split("=") for line in written.read_text().splitlines())


def test_every_variable_it_asks_for_is_made(passwords: dict[str, str]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"(?<!\$)\$\{(\w+)(?!\w|:-)", text)) == passwords.keys()
    assert len(set(passwords.values())) == len(passwords)
    assert all(re.fullmatch(r"[0-9a-f]{32}", value) for value in passwords.values()), "they stand in URLs, too"


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_exact_tags(name: str) -> None:
    assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+[\w.]*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_bounds_and_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["healthcheck"].get("test") or service["healthcheck"] == {"disable": True}
    assert not service.get("privileged")
    assert not str(service.get("user", "")).startswith(("0", "root"))


@pytest.mark.parametrize(("name", "built"), [("viewer", "."), ("worker", "."), ("collector", "collector")])
def test_what_is_ours_writes_to_its_volume_only(name: str, built: str) -> None:
    assert SERVICES[name]["read_only"] is True
    (target,) = (target for service, _, target in mounts() if service == name)
    assert f"\nVOLUME {target}\n" in (ROOT / built / "Dockerfile").read_text()


def test_ports_are_on_loopback_and_something_listens_on_them() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            host, outside, inside = port.split(":")
            assert host == "127.0.0.1"
            assert outside == inside
            assert inside in listened(name), f"nothing in {name} listens on {inside}"


def test_health_checks_and_services_ask_where_somebody_listens() -> None:
    published = {port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", ())}
    asked: set[str] = set()
    for name, service in SERVICES.items():
        text = yaml.safe_dump({key: service.get(key) for key in ("environment", "healthcheck")})
        for host, port in re.findall(r"(?://|@|: |')([a-z][a-z.0-9]+|127\.0\.0\.1):(\d{4,5})\b", text):
            asked.add(f"{host}:{port}")
            if host == "localhost":  # for browsers
                assert port in published, f"{name} sends browsers to port {port}"
            else:
                assert port in listened(name if host == "127.0.0.1" else host), f"{name} asks {host}:{port}"
    assert asked >= {"postgres:5432", "viewer:8765", "jaeger:4327", "collector:4318", "localhost:16686"}


def test_services_that_wait_for_others_name_them() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], f"{name} waits for {other} for ever"


def test_every_volume_is_declared_and_every_file_exists() -> None:
    for name, source, _ in mounts():
        if source.startswith("."):
            assert (ROOT / source).exists(), f"{name} mounts {source}"
        else:
            assert source in COMPOSE["volumes"]
    for name, service in SERVICES.items():
        for config in service.get("configs", ()):
            assert config["source"] in COMPOSE["configs"], name
    assert {source for _, source, _ in mounts() if source[0] != "."} == COMPOSE["volumes"].keys(), "none is left over"


def test_images_that_are_built_have_a_file_to_build_them_from() -> None:
    for service in SERVICES.values():
        if "build" in service:
            dockerfile = ROOT / service["build"] / "Dockerfile"
            lines = dockerfile.read_text().splitlines()
            for copied in (line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line):
                for source in copied:
                    assert (dockerfile.parent / source).exists(), f"{dockerfile} copies {source}"
            stages = [line for line in lines if line.startswith("FROM ")]
            assert len(stages) == 2
            assert all(re.match(r"FROM [\w/]+:\d+\.\d+\.\d+", stage) for stage in stages)
            assert any(line.startswith("USER ") and line != "USER root" for line in lines)


def test_every_variable_it_sets_is_read_by_somebody() -> None:
    ours = {variable for variable, _, _ in documented()}
    scripts = "".join(config["content"] for config in COMPOSE["configs"].values())
    files = "".join(path.read_text() for path in [*ROOT.glob("collector/**/*.yaml"), *provisioned()])
    for name, service in SERVICES.items():
        for variable in service.get("environment", {}):
            known = variable in ours or variable in READ_BY_OTHERS or variable.startswith("GF_")
            read = rf"(\$|env:){variable}\b"
            assert known or re.search(read, scripts + files), f"nobody reads {variable} of {name}"


def test_grafana_is_given_every_variable_and_folder_that_its_provisioning_names() -> None:
    environment = SERVICES["grafana"]["environment"]
    targets = {target: source for name, source, target in mounts() if name == "grafana"}
    assert {path.parent.name for path in provisioned()} >= {"datasources", "dashboards", "alerting"}
    for path in provisioned():
        for variable in re.findall(r"(?<!\$)\$\{?([A-Z]\w+)", path.read_text()):
            assert variable in environment, f"{path.name} reads {variable}"
        for provider in yaml.safe_load(path.read_text()).get("providers", ()):
            source = ROOT / targets[provider["options"]["path"]]
            assert list(source.glob("*.json")), f"no dashboards in {source}"


def provisioned() -> list[Path]:
    return sorted(ROOT.glob("dashboards/provisioning/*/*.yaml"))


def test_the_viewer_answers_to_the_name_that_the_collector_calls_it_by() -> None:
    words = SERVICES["viewer"]["command"]
    endpoint = SERVICES["collector"]["environment"]["OTEL_JOBLOG_INGEST_ENDPOINT"]
    assert endpoint == f"http://{words[words.index('--allow-host') + 1]}:8765"
    help_text = CliRunner().invoke(main, [words[0], "--help"]).output
    for word in words:
        assert not word.startswith("--") or word in help_text


@pytest.mark.parametrize("name", COMPOSE["configs"])
def test_what_it_carries_inline_can_be_run(name: str) -> None:
    content = COMPOSE["configs"][name]["content"].replace("$$", "$")
    if name == "worker":
        compile(content, name, "exec")
    elif name == "roles":
        subprocess.run(["sh", "-n"], input=content, text=True, check=True)
    else:
        for target in re.findall(r'"(\w+):(\d+)"', content):
            assert target[1] in listened(target[0])
        assert yaml.safe_load(content)["scrape_configs"]


@pytest.fixture
def logins(postgres_dsn: str, migrated: str) -> Iterator[dict[str, str]]:
    """The script of the roles on a real server, with names of the test's own: the DSN of each of its logins."""
    content = COMPOSE["configs"]["roles"]["content"].replace("$$", "$")
    names = {name: f"{migrated}_{name}" for name in ("joblog", "grafana", "worker")}
    for name, own in names.items():
        content = re.sub(rf"\b(role|owner|database|to|,) {name}\b", rf"\1 {own}", content)
    passwords = {"JOBLOG_PASSWORD": "it's", "GRAFANA_READER_PASSWORD": "only", "WORKER_PASSWORD": "adds"}
    try:
        script = content.replace("psql ", f'psql "{postgres_dsn}" ', 1)
        variables = {"PATH": os.environ["PATH"]} | passwords
        subprocess.run(["/bin/sh", "-ec", script], env=variables, check=True, capture_output=True)
        yield {
            name: make_conninfo(postgres_dsn, dbname=names["joblog"], user=own, password=password)
            for (name, own), password in zip(names.items(), passwords.values(), strict=True)
        }
    finally:
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(names["joblog"]))
            )
            for role in names.values():
                connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))


def entered(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The viewer's entrypoint, with another command than its own behind it."""
    shell, *words = SERVICES["viewer"]["entrypoint"]
    programs = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [shell, *(word.replace("$$", "$") for word in words), "db", "uri"]
    return subprocess.run(command, env=programs | environment, check=True, capture_output=True, text=True)


def test_the_viewer_owns_the_database_and_gives_the_others_their_rights(logins: dict[str, str]) -> None:
    for _ in range(2):  # each start does it again
        assert entered({"OTEL_JOBLOG_DSN": logins["joblog"]}).stdout.strip().endswith(logins["joblog"])
    with psycopg.connect(logins["grafana"], autocommit=True) as connection:
        assert connection.execute("select count(*) from joblog.job_history").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from joblog.job_run")
        connection.execute("set default_transaction_read_only = off")
        for forbidden in ("delete from joblog.job_run", "select * from joblog.job_run", "select * from pg_authid"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)  # type: ignore[call-overload]
    with contextlib.closing(Writer(logins["worker"])) as writer:
        writer.write([started(), ended()], PROCESS)
    with psycopg.connect(logins["worker"], autocommit=True) as connection:
        assert connection.execute("select count(*) from joblog.job_run").fetchone() == (1,)
        for forbidden in ("delete from joblog.job_run", "drop table joblog.job_log", "select * from pg_authid"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)  # type: ignore[call-overload]


def test_nobody_but_the_viewer_has_the_owners_password() -> None:
    text = {name: yaml.safe_dump(service.get("environment", {})) for name, service in SERVICES.items()}
    assert {name for name in text if "${JOBLOG_PASSWORD" in text[name]} == {"postgres", "viewer"}


def test_the_schedule_of_its_example_is_understood() -> None:
    (schedule,) = re.findall(r'schedule="([^"]+)"', COMPOSE["configs"]["worker"]["content"])
    due = next(due_times(schedule, "UTC", datetime(2026, 11, 3, tzinfo=UTC)))
    assert due.next_due_at - due.due_at == timedelta(minutes=1)


def test_docker_itself_takes_it(passwords: dict[str, str]) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker with its compose plugin here")
    done = subprocess.run(
        [docker, "compose", "--file", str(ROOT / "docker-compose.yml"), "--profile", "example", "config", "--quiet"],
        env={"PATH": str(Path(docker).parent), "HOME": "/nonexistent"} | passwords,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_image_is_built_with_all_that_the_package_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    needed = [*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"]
    for path in needed:
        assert path.partition("/")[0] in sources, f"the Dockerfile does not copy {path}"
        assert any(fnmatch.fnmatch(path, pattern) for pattern in let_in), f".dockerignore keeps {path} out"
