"""Every address, for every role and whatever it may see: who is let in, and what is told."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from starlette.routing import Mount, Route

from otel_joblog.config import Settings
from otel_joblog.conventions import Attribute
from otel_joblog.errors import ConfigError
from otel_joblog.store.write.writer import Writer
from otel_joblog.web.app import create_app
from otel_joblog.web.auth.access import Access
from otel_joblog.web.auth.guard import Guarded
from otel_joblog.web.auth.roles import Role
from otel_joblog.web.auth.tokens import digest
from otel_joblog.web.auth.users import User, Users
from otel_joblog.web.auth.viewersettings import viewer_settings
from otel_joblog.web.routes import routes
from tests.loopback import serving
from tests.web.story import MINUTE, Story

ELSEWHERE = {"sign_in_form"}  # in test_sign_in.py
STREAMS = {"api_events"}
HIDDEN = re.compile("payroll|secret")

# Of each route: addresses at which somebody may be told of what they may not see. {run} is a run that all may see,
# {hidden} one that they may not.
ADDRESSES = {
    "runs": ["/", "/?query=attr.customer:42", "/?status=failed"],
    "run": [f"/runs/{{run}}?tab={tab}" for tab in ("error", "context", "attempts", "history")] + ["/runs/{run}"],
    "more_lines": ["/runs/{run}/lines"],
    "lines_text": ["/runs/{run}/lines.txt"],
    "compare": ["/runs/{run}/compare"],
    "compare_with": ["/runs/{run}/compare/{run}"],
    "jobs": ["/jobs"],
    "job": ["/job?job=shop-orders&service=etl"],
    "errors": ["/errors"],
    "search": ["/search?q=words", "/search"],
    "maintenance": ["/maintenance"],
    "live_runs": ["/live/runs", "/live/runs?open={hidden}"],
    "live_run": ["/live/runs/{run}"],
    "api_runs": ["/api/v1/runs", "/api/v1/runs?service=hr", "/api/v1/runs?query=-job:nothing"],
    "api_runs_csv": ["/api/v1/runs.csv"],
    "api_runs_json": ["/api/v1/runs.json"],
    "api_run": ["/api/v1/runs/{run}"],
    "api_step": ["/api/v1/runs/{run}/steps/{step}"],
    "api_histogram": ["/api/v1/runs/histogram", "/api/v1/runs/histogram?query=job:payroll"],
    "api_compare": ["/api/v1/runs/{run}/compare"],
    "api_compare_with": ["/api/v1/runs/{run}/compare/{run}"],
    "api_logs": ["/api/v1/runs/{run}/logs"],
    "api_matches": ["/api/v1/runs/{run}/matches?q=words"],
    "api_problems": ["/api/v1/runs/{run}/problems"],
    "api_stages": ["/api/v1/runs/{run}/stages"],
    "api_task_logs": ["/api/v1/tasks/batch/logs"],
    "api_jobs": ["/api/v1/jobs"],
    "api_statistics": ["/api/v1/statistics"],
    "api_errors": ["/api/v1/errors"],
    "api_search": ["/api/v1/search?q=words"],
    "api_events": ["/api/v1/events"],
    "api_maintenance": ["/api/v1/maintenance"],
    "health": ["/healthz"],
    "sign_in": ["/sign-in"],
    "sign_out": ["/sign-out"],
}
VISIBILITY = """
[visibility.roles]
viewer = "shop-*"
operator = ["shop-*", "nothing"]
[visibility.users]
viewer-all = "*"
operator-all = ["*"]
"""
ROLES = [None, *Role]


class Served(NamedTuple):
    web: httpx.Client
    shop: Story
    payroll: Story

    def ask(self, route: Guarded, address: str, whose: Story, who: str) -> tuple[int, str]:
        """The status, and the text, of a stream its beginning."""
        path = address.format(run=whose.run_id, hidden=self.payroll.run_id, step=whose.steps["load"].hex())
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        with self.web.stream(method, path, headers=headers) as answer:
            text = (
                next(answer.iter_text())
                if route.name in STREAMS and answer.status_code == 200
                else answer.read().decode()
            )
        return answer.status_code, text


@pytest.fixture(scope="module")
def served(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("viewer")
    (folder / "viewer.toml").write_text(VISIBILITY)
    settings = Settings(state_dir=folder, viewer_settings=folder / "viewer.toml")
    names = {f"{role}-{sees}": role for role in Role for sees in ("all", "shop")}
    users = {name: User(name, role, datetime.now(UTC), token=digest(name)) for name, role in names.items()}
    Users(settings.users_file).change(lambda _: users)
    with contextlib.closing(Writer(module_dsn)) as writer:
        for job, service in (("payroll", "hr"), ("shop-orders", "etl")):
            Story(writer, job, service=service, began=time.time_ns() - 60 * MINUTE).end()  # to compare with
        hidden = {Attribute.OWNER: "secret", Attribute.SCHEDULE: "secret", "customer": 42}
        payroll = told(Story(writer, "payroll", service="hr", **hidden), "secret")
        shop = told(Story(writer, "shop-orders", customer=42), "open")
        told(Story(writer, "payroll", service="hr", inside=shop), "secret")
    app = create_app(module_dsn, settings=settings, access=Access(settings))
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as web:
        yield Served(web, shop, payroll)


def told(story: Story, word: str) -> Story:
    story.step("load", **{Attribute.TASK_ID: "batch"})
    story.say(f"{word} words", step="load")
    story.end_step("load", end=10)
    story.end(error=("shop.TimeoutError", "no answer", "Traceback"))
    return story


def guarded() -> dict[str, Guarded]:
    return {route.name: route for route in routes() if isinstance(route, Guarded)}


def test_every_route_says_which_role_it_needs_and_is_looked_at_here() -> None:
    others = {route.name for route in routes() if isinstance(route, Route | Mount) and not isinstance(route, Guarded)}
    assert others == {"static"}
    assert guarded().keys() == ADDRESSES.keys() | ELSEWHERE
    assert {name for name, route in guarded().items() if route.role is None} == {"health", "sign_in", "sign_in_form"}


@pytest.mark.parametrize("sees", ["all", "shop"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ADDRESSES)
def test_who_is_let_in_is_told_of_what_they_may_see(served: Served, name: str, role: Role | None, sees: str) -> None:
    route = guarded()[name]
    who = f"{role}-{sees}" if role else ""
    for address in ADDRESSES[name]:
        status, text = served.ask(route, address, served.shop, who)
        if route.role is None or (role and role.may(route.role)):
            assert status in {200, 303}, text
        else:
            assert status == (403 if role else 401)
        if sees == "shop" or status not in {200, 303}:
            assert not HIDDEN.search(text)
        if "{run}" in address and role and route.role and role.may(route.role):
            status, text = served.ask(route, address, served.payroll, who)
            assert status == (200 if sees == "all" else 404)
            assert sees == "all" or "secret" not in text


def test_who_may_see_everything_is_told_of_what_others_may_not(served: Served) -> None:
    """Else the test above would prove nothing."""
    lists = ("runs", "jobs", "search", "live_runs", "api_runs", "api_runs_csv", "api_runs_json", "api_jobs")
    for name in (*lists, "run", "errors", "api_run", "api_task_logs", "api_statistics", "api_errors", "api_search"):
        told = [served.ask(guarded()[name], address, served.shop, "viewer-all")[1] for address in ADDRESSES[name]]
        assert any(map(HIDDEN.search, told)), name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[visibility.roles]\nowner = '*'", "owner"),
        ("[visibility.users]\nanna = 1", "anna|\\[...\\]"),
        ("[visable]\n", "visable"),
        ("visibility", "TOML|line 1|Expected"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_told_of(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "viewer.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"OTEL_JOBLOG_VIEWER_SETTINGS=.*({said})"):
        viewer_settings(file)
    with pytest.raises(ConfigError, match="No such file"):
        viewer_settings(tmp_path / "other.toml")
