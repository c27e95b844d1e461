"""Trees of steps: what is folded, what took the time, what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.store.read.tree import Node, critical_path, folded, nested, quiet_times

START = datetime(2026, 11, 3, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def node(
    number: int,
    name: str = "step",
    inside: int | None = None,
    *,
    begin: float = 0,
    end: float | None = 1,
    kind: SpanKind = SpanKind.STEP,
    status: RunStatus = RunStatus.SUCCESS,
) -> Node:
    return Node(number, inside, kind, name, status, at(begin), None if end is None else at(end))


def told(nodes: list[Node], unfold: int | None = None) -> list[str]:
    rows = folded(nested(nodes), unfold)
    return ["  " * row.depth + row.name + ("" if row.alone else f" x {len(row.nodes)}") for row in rows]


def test_ten_thousand_siblings_of_one_name_are_one_row_and_those_that_failed_follow():
    nodes = [node(1, "all", end=9_999), node(2, "first", 1)]
    nodes += [node(10 + number, "import", 1, begin=number, end=number + 1) for number in range(9_990)]
    nodes[500] = nodes[500]._replace(status=RunStatus.ERROR)
    assert told(nodes) == ["all", "  first", "  import x 9990", "    import"]
    assert len(told(nodes, unfold=77)) == 3 + 1_000


def test_names_that_differ_in_numbers_are_alike():
    nodes = [node(number, f"batch {number} of 6") for number in range(1, 7)]
    assert told(nodes) == ["batch … of … x 6"]
    assert told(nodes[:5]) == [f"batch {number} of 6" for number in range(1, 6)]


def test_spans_of_others_are_one_row_unless_steps_are_inside_of_them():
    nodes = [node(1, "load", end=9)]
    nodes += [node(10 + number, f"GET /{'abc'[number % 3]}", 1, kind=SpanKind.SPAN) for number in range(12)]
    nodes += [node(40, "call", 1, kind=SpanKind.SPAN), node(41, "inner", 40)]
    assert told(nodes) == ["load", "   x 12", "  call", "    inner"]


def test_spans_that_claim_to_be_inside_of_each_other_are_all_shown():
    assert sorted(told([node(1, "a", 2), node(2, "b", 1), node(3, "c", 3)])) == ["a", "b", "c"]


def test_the_critical_path_goes_back_from_the_end_by_what_ended_last():
    nodes = [
        node(1, "all", end=10),
        node(2, "quick", 1, end=3),
        node(3, "slow", 1, end=6),
        node(4, "last", 1, begin=6, end=10),
        node(5, "beside", 1, begin=6, end=9),
    ]
    assert critical_path(nested(nodes), at(10)) == {1, 3, 4}


def test_a_long_time_in_which_no_innermost_step_went_on_is_quiet():
    nodes = [node(1, "all", end=100), node(2, "a", 1, end=5), node(3, "b", 1, begin=90, end=95)]
    assert quiet_times(nested(nodes), START, at(100)) == [(at(5), at(90))]
    assert quiet_times({}, START, at(100)) == [(START, at(100))]
