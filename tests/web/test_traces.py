"""Links from a run, its steps and its lines to a trace viewer."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from otel_joblog.config import Settings
from otel_joblog.errors import ConfigError
from otel_joblog.web.traces import Traces
from tests.web.serving import served
from tests.web.story import Story

JAEGER = "http://localhost:16686/trace/{trace_id}"
SPANS = JAEGER + "?uiFind={span_id}"
RUN = f"{'1' * 32}-{'2' * 16}"


def test_a_run_is_linked_at_its_own_span_and_a_step_or_line_at_its() -> None:
    traces = Traces(SPANS)
    assert traces.run(RUN) == f"http://localhost:16686/trace/{'1' * 32}?uiFind={'2' * 16}"
    assert traces.span(RUN, "3" * 16) == f"http://localhost:16686/trace/{'1' * 32}?uiFind={'3' * 16}"


def test_a_template_that_cannot_tell_spans_links_runs_only() -> None:
    traces = Traces(JAEGER)
    assert traces.run(RUN) == f"http://localhost:16686/trace/{'1' * 32}"
    assert traces.span(RUN, "3" * 16) is None


def test_braces_of_the_address_itself_stay() -> None:
    grafana = 'https://grafana.example/explore?left={"query":"{trace_id}"}'
    assert Traces(grafana).run(RUN) == f'https://grafana.example/explore?left={{"query":"{"1" * 32}"}}'


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert('{trace_id}')",
        "JavaScript:alert('{trace_id}')",
        " javascript:alert('{trace_id}')",
        "java\nscript:alert('{trace_id}')",
        "data:text/html,{trace_id}",
        "//jaeger/trace/{trace_id}",
        "/trace/{trace_id}",
        "http:///trace/{trace_id}",
        "http://{trace_id}",
        "https://jaeger/trace/",
        "https://jaeger/trace/{trace_id}\nX: y",
        "https://jaeger/trace/ {trace_id}",
    ],
)
def test_only_web_addresses_become_links(template: str) -> None:
    with pytest.raises(ConfigError, match="OTEL_JOBLOG_TRACE_URL"):
        Settings.from_environment({"OTEL_JOBLOG_TRACE_URL": template})


def test_a_usable_template_is_taken_as_it_is() -> None:
    assert Settings.from_environment({"OTEL_JOBLOG_TRACE_URL": f" {SPANS}\n"}).trace_url == SPANS
    assert Settings.from_environment({}).trace_url is None


def told(tell: Callable[..., Story]) -> tuple[Story, str]:
    story = tell()
    step = story.step("load", begin=1)
    story.say("first words", step="load")
    story.end_step("load", begin=1, end=2)
    story.say("last words", at=3)
    story.end()
    return story, step


def links(address: str, path: str) -> set[str]:
    page = httpx.get(f"{address}{path}", timeout=60)
    assert page.status_code == 200
    return {part.partition('"')[0] for part in page.text.split('class="outward" href="')[1:]}


def test_the_page_links_run_step_and_line_also_where_it_is_brought_up_to_date(
    dsn: str, tell: Callable[..., Story]
) -> None:
    story, step = told(tell)
    trace_id, run_span = story.run_id.split("-")
    begins = f"http://localhost:16686/trace/{trace_id}?uiFind="
    with served(dsn, settings=Settings(trace_url=SPANS)) as address:
        wanted = {begins + run_span, begins + step}
        assert links(address, f"/runs/{story.run_id}") == wanted
        assert links(address, f"/live/runs/{story.run_id}") == wanted
        assert links(address, f"/runs/{story.run_id}/lines") == wanted


def test_an_address_is_escaped_as_any_other_text(dsn: str, tell: Callable[..., Story]) -> None:
    story, _ = told(tell)
    with served(dsn, settings=Settings(trace_url='https://jaeger/"><script>{trace_id}')) as address:
        page = httpx.get(f"{address}/runs/{story.run_id}", timeout=60).text
    assert "<script>" + story.run_id[:32] not in page
    assert f"https://jaeger/&#34;&gt;&lt;script&gt;{story.run_id[:32]}" in page


def test_without_a_template_there_are_no_links(address: str, tell: Callable[..., Story]) -> None:
    story, _ = told(tell)
    assert links(address, f"/runs/{story.run_id}") == set()
