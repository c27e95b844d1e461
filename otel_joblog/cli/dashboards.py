"""``otel-joblog dashboards``: those for Grafana, as files and into a Grafana that is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import click
import requests

from .common import told_plainly
from .printing.say import say, shown

__all__ = ["dashboards"]

FOLDER = "joblog"  # its uid, the same as in provisioning/dashboards/joblog.yaml
SECONDS = 30.0


@click.group()
def dashboards() -> None:
    """Grafana dashboards: job history, errors, health, and one run."""


@dashboards.command("list")
def list_dashboards() -> None:
    """List the dashboards."""
    for board in _boards():
        say(f"{board['uid']:16} {board['title']:14} {board['description']}")


@dashboards.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write the dashboards' JSON and the files for provisioning to FOLDER."""
    with told_plainly():
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(_found().glob("*.json")):
            shutil.copyfile(path, folder / path.name)
            say(folder / path.name)
        shutil.copytree(_found() / "provisioning", folder / "provisioning", dirs_exist_ok=True)
        say(folder / "provisioning")


@dashboards.command()
@click.option("--url", required=True, envvar="GRAFANA_URL", help="Grafana's address.  [env: GRAFANA_URL]")
@click.option(
    "--token",
    required=True,
    envvar="GRAFANA_TOKEN",
    help="Token of a service account that may write dashboards; better in the environment.  [env: GRAFANA_TOKEN]",
)
@click.option("--folder", default="Jobs", show_default=True, help="Title of the folder, if it does not exist yet.")
@click.option("--viewer", help="Address of the viewer, for links to its pages.  [default: http://127.0.0.1:8765]")
def install(*, url: str, token: str, folder: str, viewer: str | None) -> None:
    """Install the dashboards in a Grafana. Older ones are replaced.

    Data sources are left to it: the dashboards take the first PostgreSQL, Jaeger and Prometheus that it has, or those
    that are chosen at their top.
    """
    grafana = _Grafana(url, token)
    if grafana.ask("GET", f"/api/folders/{FOLDER}", missing=True) is None:
        grafana.ask("POST", "/api/folders", {"uid": FOLDER, "title": folder})
    for board in _boards():
        if viewer:
            _point_to(board, viewer.rstrip("/"))
        done = grafana.ask("POST", "/api/dashboards/db", {"dashboard": board, "folderUid": FOLDER, "overwrite": True})
        say(f"{board['title']}: {grafana.url}{(done or {}).get('url', '')}")


def _found() -> Path:
    """The folder of the dashboards: in the package where it was built into a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    return next(path for path in (package / "dashboards", package.parent / "dashboards") if path.is_dir())


def _boards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_found().glob("*.json"))]


def _point_to(board: dict[str, Any], viewer: str) -> None:
    for variable in board["templating"]["list"]:
        if variable["name"] == "viewer":
            chosen = {"text": viewer, "value": viewer}
            variable |= {"query": viewer, "current": chosen, "options": [chosen | {"selected": True}]}


class _Grafana(requests.auth.AuthBase):
    """Its HTTP API, the part that has been the same since version 5. Trouble is told in one line."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"  # and not what a ~/.netrc says of this host
        return request

    def ask(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> dict[str, Any] | None:
        """The answer; None where it is ``missing`` and may be."""
        try:
            answer = requests.request(
                method, self.url + path, json=body, auth=self, timeout=SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise click.ClickException(f"Grafana does not answer at {self.url}: {error}") from error
        if missing and answer.status_code == requests.codes.not_found:
            return None
        if answer.status_code != requests.codes.ok:
            raise click.ClickException(f"{method} {self.url}{path}: {answer.status_code} {_reason(answer)}")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise click.ClickException(f"{self.url} answers, but it is not Grafana")
        return told


def _reason(answer: requests.Response) -> str:
    """Why, in Grafana's words where it gives some."""
    if answer.is_redirect:
        return f"leads to {answer.headers['Location']}: give that address"
    try:
        return shown(str(answer.json()["message"]))
    except (ValueError, KeyError, TypeError):
        return shown(answer.reason)
