"""``otel-joblog dashboards``: as files, and into a Grafana by its HTTP API."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dashboards.generator import FOLDER, rendered
from otel_joblog.cli.main import main

from .fake import TOKEN, Grafana, grafana


@pytest.fixture
def there() -> Iterator[Grafana]:
    with grafana() as fake:
        yield fake


def command(*arguments: str, token: str = TOKEN) -> Result:
    return CliRunner().invoke(main, ["dashboards", *arguments], env={"GRAFANA_TOKEN": token})


def test_they_are_installed_into_a_folder_of_their_own_and_again_in_place(there: Grafana) -> None:
    first = command("install", "--url", there.url + "/")
    assert first.exit_code == 0, first.output
    assert first.output.splitlines()[0] == f"Job errors: {there.url}/d/joblog-errors/a-title"
    assert there.folders == {"joblog": "Jobs"}
    committed = {json.loads(text)["uid"]: json.loads(text) for text in rendered().values()}
    assert there.dashboards == {uid: board | {"folder": "joblog"} for uid, board in committed.items()}
    there.folders["joblog"] = "renamed"
    assert command("install", "--url", there.url).exit_code == 0
    assert there.folders == {"joblog": "renamed"}


def test_links_lead_to_the_viewer_that_is_named(there: Grafana) -> None:
    assert command("install", "--url", there.url, "--viewer", "https://jobs.example.org/").exit_code == 0
    for board in there.dashboards.values():
        (viewer,) = (one for one in board["templating"]["list"] if one["name"] == "viewer")
        assert viewer["current"]["value"] == viewer["query"] == "https://jobs.example.org"


def test_a_token_that_is_refused_is_told_in_one_line(there: Grafana) -> None:
    done = command("install", "--url", there.url, token="wrong")
    assert done.exit_code == 1
    assert done.output == f"Error: GET {there.url}/api/folders/joblog: 401 Invalid API key\n"
    assert there.dashboards == {}


def test_a_grafana_that_is_away_is_told_in_one_line() -> None:
    done = command("install", "--url", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert done.output.startswith("Error: Grafana does not answer at http://127.0.0.1:1: ")
    assert len(done.output.splitlines()) == 1


def test_a_token_is_asked_for() -> None:
    done = command("install", "--url", "http://127.0.0.1:1", token="")
    assert done.exit_code == 2
    assert "--token" in done.output


def test_they_are_exported_with_the_files_for_provisioning(tmp_path: Path) -> None:
    assert command("export", str(tmp_path / "out")).exit_code == 0
    assert {path.name: path.read_text() for path in (tmp_path / "out").glob("*.json")} == rendered()
    for path in (FOLDER / "provisioning").rglob("*.yaml"):
        assert (tmp_path / "out" / path.relative_to(FOLDER)).read_text() == path.read_text()


def test_they_are_listed() -> None:
    assert [line.split()[0] for line in command("list").output.splitlines()] == [
        "joblog-errors",
        "joblog-health",
        "joblog-history",
        "joblog-run",
    ]


def test_the_wheel_has_them_all() -> None:
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    names = [*rendered(), "provisioning"]
    assert included == {f"dashboards/{name}": f"otel_joblog/dashboards/{name}" for name in names}
