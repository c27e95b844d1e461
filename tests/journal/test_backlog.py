"""What waits is seen from outside: how much, for how long, and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_joblog.errors import ExportUnavailable, RecordRefused
from otel_joblog.export import metrics
from otel_joblog.journal.backlog import backlog
from otel_joblog.journal.cursors import CursorFile
from otel_joblog.journal.figures import figures
from otel_joblog.journal.recovery import ship_all_dead, ship_dead
from otel_joblog.journal.room import Room
from otel_joblog.records import Line, Process, Record, encode

from .samples import Kept, fill, journal, line


def test_what_waits_is_told_with_its_size_and_the_age_of_the_oldest(tmp_path: Path) -> None:
    written = journal(tmp_path, "one", "two")
    emitted = msgspec.structs.replace(line(1), time=time.time_ns() - 3_600 * 10**9)
    written.append(encode(emitted))
    folder = written.folder
    assert folder is not None
    CursorFile("two").save(folder, written.position())
    one, two = backlog(tmp_path)
    assert (one.exporter, one.journals) == ("one", 1)
    assert one.bytes == written.position().offset
    assert one.age == pytest.approx(3_600, abs=60)
    assert (two.exporter, two.journals, two.bytes, two.age) == ("two", 0, 0, None)
    written.remove()


def test_why_it_waits_is_told_until_it_works_again(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    folder = written.close()
    assert folder is not None
    sink = Kept("kept", *(ExportUnavailable("nobody there") for _ in range(2)))
    for _ in range(2):
        ship_all_dead(tmp_path, sink, lambda seconds: seconds == 0)
    (behind,) = backlog(tmp_path)
    assert behind.trouble is not None
    assert behind.trouble.error == "nobody there"
    assert time.time() - behind.trouble.since < 60
    assert ship_dead(folder, sink, lambda seconds: seconds == 0)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.reached"]


def test_an_exporter_that_is_away_is_asked_once_however_many_journals_wait(tmp_path: Path) -> None:
    for number in range(5):
        written = journal(tmp_path, "kept")
        written._folders = number
        fill(written, [number])
        written.close()
    sink = Kept("kept", *(ExportUnavailable("nobody there") for _ in range(5)))
    ship_all_dead(tmp_path, sink, lambda seconds: seconds == 0)
    assert len(sink.troubles) == 4


def test_our_health_is_told_as_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = journal(tmp_path, "metered")
    fill(written, range(10))
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    monkeypatch.delitem(figures, "metered", raising=False)
    folder = written.folder
    assert folder is not None
    metrics.observe(lambda: metrics.Watched(Room(tmp_path, 1_000_000, "block"), [folder]))

    waiting = collected(reader)
    assert waiting["joblog.journal.queue.size"] == written.position().offset
    assert waiting["joblog.journal.queue.capacity"] == 1_000_000
    assert waiting["joblog.journal.queue.age"] > 0

    folder = written.close()
    assert folder is not None
    ship_dead(folder, Choosy("metered", ExportUnavailable("away")), lambda _seconds: True)
    done = collected(reader)
    assert done["otel.sdk.exporter.log.exported"] == 9
    assert done["joblog.exporter.retries"] == 1
    assert done["joblog.exporter.refused"] == 1
    assert "joblog.journal.queue.size" not in done


class Choosy(Kept):
    """Is away once, and then refuses the line with number 3."""

    def ship(self, records: Sequence[Record], process: Process | None) -> None:
        if any(isinstance(record, Line) and record.seq == 3 for record in records) and not self.troubles:
            raise RecordRefused("not that one")
        super().ship(records, process)


def collected(reader: InMemoryMetricReader) -> dict[str, float]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: point.value
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if point.attributes.get("otel.component.name") in {None, "metered"}
    }
