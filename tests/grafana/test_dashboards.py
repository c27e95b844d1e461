"""The committed dashboards: as the generator writes them, complete, and of the form that Grafana takes."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.metrics import NoOpMeter

from dashboards.generator import FOLDER, rendered
from otel_joblog.export import metrics

from .asking import BOARDS, RULES

Json = dict[str, Any]
ROOT = FOLDER.parent

# What the documentation of the store promises to keep as it is.
STABLE = {
    *("job_history", "active_jobs", "job_progress", "job_errors", "job_daily", "job_hourly", "job_durations"),
    *(
        "job_duration_histogram",
        "job_health",
        "job_punctuality",
        "job_schedules",
        "job_steps",
        "job_lines",
        "job_counts",
        "store_size",
    ),
    *("job_schedules", "job_punctuality"),
    *("trace_key", "run_key", "bucket_percentile"),
}
COMPILER = {"noEmit": True, "strict": True, "skipLibCheck": True, "module": "nodenext", "target": "es2022"}
UIDS = {"joblog-history", "joblog-errors", "joblog-health", "joblog-run"}


def panels() -> Iterator[tuple[str, Json]]:
    for uid, board in BOARDS.items():
        for panel in board["panels"]:
            yield uid, panel


def test_the_generator_writes_what_is_committed() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == rendered()


def test_dashboards_keep_their_uids_and_have_no_id() -> None:
    assert {board["uid"] for board in BOARDS.values()} == UIDS
    assert all(board["schemaVersion"] == 42 and "id" not in board for board in BOARDS.values())


@pytest.mark.parametrize("uid", sorted(UIDS))
def test_panels_lie_side_by_side_within_the_grid(uid: str) -> None:
    placed = [panel["gridPos"] for panel in BOARDS[uid]["panels"]]
    assert all(one["x"] >= 0 and one["x"] + one["w"] <= 24 for one in placed)
    for one, other in itertools.combinations(placed, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    numbers = [panel["id"] for panel in BOARDS[uid]["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_every_panel_says_what_it_shows_in_which_unit_and_what_it_means_when_it_is_empty() -> None:
    for uid, panel in panels():
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"], uid
        assert panel["description"].endswith("."), panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]


def test_titles_are_unique_in_a_dashboard() -> None:
    for board in BOARDS.values():
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len(titles)


def test_queries_ask_the_documented_views_only() -> None:
    texts = [path.read_text() for path in (FOLDER / "sql").rglob("*.sql")]
    texts += [rule["data"][0]["model"].get("rawSql", "") for rule in RULES]
    assert {name for text in texts for name in re.findall(r"joblog\.(\w+)", text)} <= STABLE


def test_every_query_file_is_used() -> None:
    asked = json.dumps(list(BOARDS.values()))
    for path in (FOLDER / "sql").rglob("*.sql"):
        assert json.dumps(path.read_text().rstrip("\n"))[1:-1] in asked, path


def test_every_variable_that_is_used_is_there() -> None:
    for uid, board in BOARDS.items():
        known = {variable["name"] for variable in board["templating"]["list"]}
        used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(board["panels"])))
        assert used <= known, (uid, used - known)


def test_links_lead_to_dashboards_that_exist_and_keep_the_time() -> None:
    for uid, board in BOARDS.items():
        assert {link["url"] for link in board["links"]} == {f"/d/{other}" for other in UIDS - {uid}}
        assert all(link["keepTime"] and link["includeVars"] for link in board["links"])
        for url in re.findall(r'"url": "(/d/[^"]+)"', json.dumps(board["panels"])):
            assert url[3:].split("?")[0] in UIDS
            assert "${__url_time_range}" in url or "&from=${__data.fields.From" in url


def test_cells_that_links_are_made_of_are_in_their_tables() -> None:
    for uid, panel in panels():
        columns = set(re.findall(r'as "([^"]+)"', json.dumps(panel.get("targets", [])).replace('\\"', '"')))
        for override in panel["fieldConfig"]["overrides"]:
            for link in (p["value"] for p in override["properties"] if p["id"] == "links"):
                if override["matcher"]["options"] in columns:
                    needed = set(re.findall(r"__data\.fields\.(\w+)", json.dumps(link)))
                    assert needed <= columns, (uid, panel["title"], needed - columns)


def test_states_have_a_word_beside_their_colour_and_each_a_colour_of_its_own() -> None:
    for uid, panel in panels():
        for mapping in panel["fieldConfig"]["defaults"]["mappings"]:
            options = mapping["options"].values()
            assert all(option["text"] for option in options), uid
            assert len({option["color"] for option in options}) == len(options)


def test_provisioned_data_sources_are_those_that_the_dashboards_choose() -> None:
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/joblog.yaml").read_text())["datasources"]
    provisioned = {(source["type"], source["uid"]) for source in sources}
    chosen = {
        (variable["query"], variable["current"]["value"])
        for board in BOARDS.values()
        for variable in board["templating"]["list"]
        if variable["type"] == "datasource"
    }
    assert chosen == provisioned
    assert {(rule["data"][0]["model"]["datasource"]["type"], rule["data"][0]["datasourceUid"]) for rule in RULES} <= (
        provisioned
    )


def test_secrets_and_addresses_come_from_the_environment() -> None:
    text = (FOLDER / "provisioning/datasources/joblog.yaml").read_text()
    named = set(re.findall(r"\$(\w+)", text + (FOLDER / "provisioning/alerting/contact-points.yaml").read_text()))
    assert "password: $JOBLOG_POSTGRES_PASSWORD" in text
    documented = (FOLDER / "README.md").read_text()
    assert all(f"`{name}`" in documented for name in named)


class Named(NoOpMeter):
    """Keeps the names of instruments, as Prometheus has them."""

    def __init__(self) -> None:
        super().__init__("ours")
        self.names: set[str] = set()

    def create_observable_counter(self, name: str, callbacks: Any = None, unit: str = "", description: str = "") -> Any:
        self.names.add(f"{name}_total".replace(".", "_"))

    def create_observable_gauge(self, name: str, callbacks: Any = None, unit: str = "", description: str = "") -> Any:
        self.names.add(f"{name}_{ {'By': 'bytes', 's': 'seconds'}[unit] }".replace(".", "_"))


def test_the_metrics_that_are_asked_for_are_those_that_we_export(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Named()
    monkeypatch.setattr(metrics, "get_meter", lambda name: meter)
    metrics.observe(lambda: None)
    asked = {
        name
        for text in (json.dumps(list(BOARDS.values())), json.dumps(RULES))
        for expression in re.findall(r'"expr": "([^"]+)"', text)
        for name in re.findall(r"\b(?:joblog|otel|traces)_\w+", expression)
    }
    ours = {name for name in asked if not name.startswith("traces_span_metrics_")} - {"otel_component_name"}
    assert ours == meter.names


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_the_json_is_of_the_types_that_grafana_publishes(schema: Path) -> None:
    boards = "\n".join(f"export const {uid.replace('-', '_')}: Board = {json.dumps(b)};" for uid, b in BOARDS.items())
    (schema / "schema.ts").write_text((Path(__file__).parent / "schema.ts").read_text())
    (schema / "boards.ts").write_text(f'import type {{ Board }} from "./schema";\n{boards}\n')
    (schema / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER, "files": ["boards.ts"]}))
    tsc = [schema / "node_modules" / ".bin" / "tsc"]
    done = subprocess.run(tsc, cwd=schema, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def schema() -> Path:
    """A folder with the published types and a compiler, kept from run to run."""
    folder = ROOT / ".cache" / "grafana-schema"
    packages = ["@grafana/schema@13.2.3", "typescript@7.0.2"]
    if not (folder / "node_modules" / ".bin" / "tsc").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", *packages]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no registry to be had: {done.stderr.strip()[-200:]}")
    return folder
