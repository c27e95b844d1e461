"""Parameters that an address does not know are refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
import pytest
from starlette.routing import Route

from otel_joblog.conventions import Severity
from otel_joblog.web.routes import routes
from tests.web.story import Story

Tell = Callable[..., Story]
ADDRESSES = [route.path for route in routes() if isinstance(route, Route) and "GET" in (route.methods or ())]


@pytest.mark.parametrize("route", ADDRESSES)
def test_a_parameter_that_is_not_known_is_refused_and_the_known_are_named(
    route: str, web: httpx.Client, tell: Tell
) -> None:
    path = route.replace("{run_id}", tell().run_id).replace("{span_id}", "0" * 16).replace("{task_id:path}", "t")
    answer = web.get(path, params={"typ": "cron"})
    assert answer.status_code == 400
    said = answer.json()["error"]["message"] if path.startswith(("/api", "/healthz")) else answer.text
    assert "has no parameter" in said
    assert "typ" in said


@pytest.mark.parametrize(
    ("route", "known"),
    [
        (
            "/api/v1/runs?host=db-1",
            "query, job, service, type, status, retried, reference, error, since, until, after, limit",
        ),
        (
            "/api/v1/runs/{run_id}/logs?typ=load",
            "level, stream, step, stage, task_id, since, q, after, before, tail, limit",
        ),
        ("/api/v1/runs/{run_id}?limit=3", None),
    ],
)
def test_the_refusal_says_what_may_be_asked(route: str, known: str | None, web: httpx.Client, tell: Tell) -> None:
    answer = web.get(route.replace("{run_id}", tell().run_id))
    assert answer.status_code == 400
    offer = "it takes none" if known is None else f"it takes {known}"
    assert answer.json()["error"]["message"].endswith(f": {offer}.")


def test_one_that_is_given_twice_is_refused_unless_it_may_be(web: httpx.Client) -> None:
    twice = web.get("/api/v1/runs?job=a&job=b")
    assert (twice.status_code, twice.json()["error"]["message"]) == (400, "job is given more than once: give it once.")
    assert web.get("/api/v1/runs?status=error&status=lost").status_code == 200
    assert web.get("/api/v1/search?attribute=a=1&attribute=b=2").status_code == 200


def test_no_link_or_form_of_a_page_asks_for_what_its_address_refuses(web: httpx.Client, tell: Tell) -> None:
    story = tell("nightly")
    story.step("load", begin=1)
    story.say(*map(str, range(1_100)), step="load", severity=Severity.ERROR)
    story.end_step("load", begin=1, end=2, error=("E", "no", "Traceback"))
    story.end(error=("E", "no", "Traceback"))
    tell("open")
    asked: set[str] = set()
    waiting = ["/", "/search?q=1"]
    while waiting and len(asked) < 400:
        address = waiting.pop(0)
        answer = web.get(address, follow_redirects=True)
        assert answer.status_code == 200, f"{address}: {answer.text}"
        if "html" in answer.headers["content-type"]:
            waiting += [found for found in Addresses.of(answer) if found not in asked]
            asked.update(waiting)
    assert {urlsplit(address).path for address in asked} >= {"/", "/jobs", "/job", "/errors", "/search", "/maintenance"}
    assert any("?lines=" in address or "/lines?" in address for address in asked)


class Addresses(HTMLParser):
    """Where a page leads: its links, fragments, and forms sent as they are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[str] = []
        self.form: str | None = None
        self.fields: list[tuple[str, str]] = []

    @classmethod
    def of(cls, answer: httpx.Response) -> list[str]:
        parser = cls(str(answer.url))
        parser.feed(answer.text)
        here = urlsplit(parser.page)
        absolute = [urljoin(parser.page, address).partition("#")[0] for address in parser.found]
        own = [urlsplit(address) for address in absolute]
        return [f"{it.path}?{it.query}" if it.query else it.path for it in own if it.netloc == here.netloc]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [given[name] for name in ("href", "data-fragment", "data-live") if name in given]
        if tag == "form":
            self.form, self.fields = given.get("action", ""), []
        elif "name" in given and tag in {"input", "select"}:
            self.fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.form is not None:
            self.found.append(f"{self.form}?{urlencode(self.fields)}")
