"""Lines by stage, task, words and time: what they carry, and how their pages go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from otel_joblog.conventions import Attribute, RunStatus, Severity, SpanKind
from otel_joblog.errors import BadCursor, NoSuchPart, TaskNotFound
from otel_joblog.records import Record
from otel_joblog.store.read import lines as lines_module
from otel_joblog.store.read.models import FoundLine, LinePage, LogLine
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, run_id, span, started

BEGAN = datetime.fromtimestamp(NOW // SECOND, UTC)


@pytest.fixture
def write(dsn: str) -> Iterator[Callable[..., None]]:
    with contextlib.closing(Writer(dsn)) as writer:
        yield lambda *records: writer.write(records, process=PROCESS)


@pytest.fixture
def read(dsn: str) -> Callable[[Callable[[Reader], Awaitable[Any]]], Any]:
    def asked(ask: Callable[[Reader], Awaitable[Any]]) -> Any:
        async def within() -> Any:
            async with Reader(dsn) as reader:
                return await ask(reader)

        return asyncio.run(within())

    return asked


Write = Callable[..., None]
Read = Callable[[Callable[[Reader], Awaitable[Any]]], Any]


def part(number: int, parent: int = 1, *, name: str = "", kind: SpanKind = SpanKind.STEP, **said: str) -> Record:
    return started(**_step(number, parent, name, said) | {"kind": kind})


def done(number: int, name: str, *, start: int | None = None, end: int, **said: Any) -> Record:
    status = said.pop("status", RunStatus.SUCCESS)
    at = {"start": start} if start is not None else {}
    return ended(**_step(number, 1, name, said) | {"end": end, "status": status} | at)


def _step(number: int, parent: int, name: str, said: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": SpanKind.STEP,
        "span_id": span(number),
        "parent_id": span(parent),
        "name": name or f"step {number}",
        "start": NOW + (number - 20) * 1000,  # before all lines
        "seq": number,
        "attributes": said,
    }


def load(number: int, **options: Any) -> Record:
    return part(number, **{Attribute.STAGE: "load", Attribute.TASK_ID: "orders"}, **options)


def places(lines: list[LogLine]) -> list[tuple[str | None, str | None, str | None]]:
    return [(one.step, one.stage, one.task_id) for one in lines]


def test_a_line_carries_stage_and_task_of_its_step_or_of_the_nearest_around_it(write: Write, read: Read) -> None:
    write(
        started(),
        load(10, name="load"),
        part(11, 10, name="parse"),
        part(12, 11, name="row", **{Attribute.TASK_ID: "row 7"}),
        part(13, 11, name="GET /", kind=SpanKind.SPAN),
        part(14, name="tidy"),
        part(15, name="sum", **{Attribute.STAGE: "report"}),
        part(16, name="GET /out", kind=SpanKind.SPAN),
        *[line(seq, span_id=span(number)) for seq, number in enumerate((1, 10, 11, 12, 13, 14, 15, 16))],
    )
    page = read(lambda reader: reader.lines(run_id()))
    assert places(page.items) == [
        (None, None, None),
        ("load", "load", "orders"),
        ("parse", "load", "orders"),
        ("row", "load", "row 7"),
        ("GET /", "load", "orders"),
        ("tidy", None, "tidy"),
        ("sum", "report", "report"),
        ("GET /out", None, None),
    ]
    found = read(lambda reader: reader.search("line"))
    assert places([item.line for item in reversed(found.items)]) == places(page.items)


@pytest.mark.parametrize(
    ("chosen", "seqs"),
    [
        ({"stage": "load"}, [1, 2, 3]),
        ({"task_id": "orders"}, [1, 2]),
        ({"task_id": "row 7"}, [3]),
        ({"task_id": "tidy"}, [4]),
        ({"stage": "load", "step": span(11).hex()}, [2]),
        ({"stage": "load", "text": "line 2"}, [2]),
        ({"text": '"LINE 3"'}, [3]),
        ({"since": BEGAN + timedelta(seconds=3)}, [3, 4]),
        ({"stage": "load", "min_severity": Severity.ERROR}, [3]),
    ],
)
def test_lines_are_chosen_and_counted_by_stage_task_words_and_time(
    write: Write, read: Read, chosen: dict[str, Any], seqs: list[int]
) -> None:
    write(
        started(),
        load(10),
        part(11, 10),
        part(12, 11, **{Attribute.TASK_ID: "row 7"}),
        part(14, name="tidy"),
        *[
            line(
                seq,
                span_id=span(number),
                time=NOW + seq * SECOND,
                severity=17 if seq == 3 else 9,
                message=f"line {seq}",
            )
            for seq, number in enumerate((1, 10, 11, 12, 14))
        ],
        ended(),
    )

    async def both_ways(reader: Reader) -> tuple[list[int], list[int]]:
        ahead, back = [], []
        page = await reader.lines(run_id(), limit=1, count=True, **chosen)
        assert (page.total, page.matching, page.at_least) == (5, len(seqs), False)
        while page.items:
            ahead += [one.seq for one in page.items]
            if page.next is None:
                break
            page = await reader.lines(run_id(), limit=1, after=page.next, **chosen)
        page = await reader.lines(run_id(), limit=1, tail=True, **chosen)
        while page.items:
            back += [one.seq for one in page.items]
            if page.previous is None:
                break
            page = await reader.lines(run_id(), limit=1, before=page.previous, **chosen)
        return ahead, back

    assert read(both_ways) == (seqs, seqs[::-1])


@pytest.mark.parametrize("tail", [False, True])
def test_a_page_looks_at_so_many_lines_and_goes_on_from_there(
    write: Write, read: Read, monkeypatch: pytest.MonkeyPatch, tail: bool
) -> None:
    monkeypatch.setattr(lines_module, "LOOKED_AT", 10)
    monkeypatch.setitem(lines_module._ANY, "looked", 10)
    write(started(), *[line(seq, message="rare" if seq in {3, 27} else "common") for seq in range(35)])

    async def all_pages(reader: Reader) -> list[LinePage]:
        pages = [await reader.lines(run_id(), text="rare", tail=tail, count=True)]
        while key := pages[-1].previous if tail else pages[-1].next:
            place = {"before": key} if tail else {"after": key}
            pages.append(await reader.lines(run_id(), text="rare", **place))
        return pages

    pages = read(all_pages)
    found = [[one.seq for one in page.items] for page in pages]
    assert found == ([[27], [], [], [3]] if tail else [[3], [], [27], []])
    assert (pages[0].total, pages[0].matching, pages[0].at_least) == (35, 1, True)


def test_a_stage_that_an_ended_run_has_not_is_refused_and_those_it_has_are_named(write: Write, read: Read) -> None:
    write(started(), load(10), line(1, span_id=span(10)))
    assert read(lambda reader: reader.lines(run_id(), stage="lod")).items == []  # it may still come
    write(ended())
    with pytest.raises(NoSuchPart, match="no stage 'lod': it has load"):
        read(lambda reader: reader.lines(run_id(), stage="lod"))
    with pytest.raises(NoSuchPart, match="no task_id 'x': it has orders"):
        read(lambda reader: reader.lines(run_id(), stage="load", task_id="x"))


def test_spans_that_are_each_others_parents_end_no_page(write: Write, read: Read) -> None:
    write(started(), part(10, 11), part(11, 10), line(1, span_id=span(10)))
    assert places(read(lambda reader: reader.lines(run_id())).items) == [("step 10", None, "step 10")]
    assert read(lambda reader: reader.lines(run_id(), task_id="step 10")).items == []
    assert read(lambda reader: reader.stages(run_id())).outside.lines == 1


def test_the_view_of_lines_has_stage_and_task(write: Write, dsn: str) -> None:
    write(
        started(),
        load(10),
        part(11, name="tidy"),
        *[line(seq, span_id=span(number)) for seq, number in enumerate((1, 10, 11))],
    )
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select stage, task_id from joblog.job_lines order by seq").fetchall()
        plan = connection.execute("explain select message from joblog.job_lines where at > now()").fetchall()
    assert found == [(None, None), ("load", "orders"), (None, "tidy")]
    assert "job_step" not in str(plan)  # nobody pays for what was not asked


def test_stages_and_tasks_tell_their_lines_status_and_times(write: Write, read: Read) -> None:
    late = 20 * SECOND
    write(
        started(),
        done(10, "a", start=NOW, end=NOW + late, **{Attribute.STAGE: "load", Attribute.TASK_ID: "t1"}),
        done(11, "b", start=NOW + 1000, end=NOW + 2 * late, status=RunStatus.ERROR, **{Attribute.STAGE: "load"}),
        part(25, 11, name="inner"),
        done(13, "tidy", start=NOW + late, end=NOW + late),
        *[
            line(seq, span_id=span(number), severity=s)
            for seq, (number, s) in enumerate([(1, 9), (10, 9), (10, 13), (11, 17), (25, 17), (13, 9)])
        ],
    )
    stages = read(lambda reader: reader.stages(run_id()))
    assert (stages.total, stages.counted, stages.outside.lines, stages.tasks_left_out) == (6, 6, 1, 0)
    said = {one.stage: one for one in stages.items}
    assert list(said) == ["load", None]
    assert [(t.task_id, t.status, t.steps, t.lines, t.warnings, t.errors) for t in said["load"].tasks] == [
        ("t1", "success", 1, 2, 1, 0),
        ("load", "running", 2, 2, 0, 2),
    ]
    assert (said["load"].status, said["load"].ended_at, said["load"].lines) == ("running", None, 4)
    assert said["load"].tasks[0].duration == 20.0
    (tidy,) = said[None].tasks
    assert (tidy.task_id, tidy.started_at) == ("tidy", datetime.fromtimestamp((NOW + late) // 1000 / 1e6, UTC))


def test_the_lines_of_a_task_come_by_run_newest_first_and_in_pages(write: Write, read: Read) -> None:
    for number, job in enumerate(["orders", "billing", "orders"], 1):
        at = NOW + number * 100 * SECOND
        ids = {"number": number}
        write(
            started(name=job, start=at, **ids),
            *[
                started(number, **_step(10 + place, 1, "one", {Attribute.TASK_ID: "t/1"}) | {"start": at + place})
                for place in range(2)
            ],
            *[
                line(seq, span_id=span(10 + seq % 2), time=at + seq * SECOND, message=f"{number}-{seq}", **ids)
                for seq in range(3)
            ],
            line(9, **ids, time=at + 9 * SECOND, message="not of the task"),
        )

    async def every(reader: Reader, limit: int, **chosen: Any) -> list[FoundLine]:
        page = await reader.task_lines("t/1", limit=limit, **chosen)
        items = list(page.items)
        while page.next:
            page = await reader.task_lines("t/1", limit=limit, after=page.next, **chosen)
            items += page.items
        return items

    whole = ["3-0", "3-1", "3-2", "2-0", "2-1", "2-2", "1-0", "1-1", "1-2"]
    for limit in (1, 2, 3, 100):
        found = read(partial(every, limit=limit))
        assert [item.line.message for item in found] == whole
    found = read(lambda reader: every(reader, 2, job="billing"))
    assert [(item.job, item.line.message, item.line.task_id) for item in found] == [
        ("billing", f"2-{seq}", "t/1") for seq in range(3)
    ]
    with pytest.raises(TaskNotFound, match="of the job 'none'"):
        read(lambda reader: reader.task_lines("t/1", job="none"))
    with pytest.raises(BadCursor):
        read(lambda reader: reader.task_lines("t/1", after="abc"))
