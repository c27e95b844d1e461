"""What time zone a run's schedule is meant in."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from otel_joblog import diagnostics, job, timezone
from otel_joblog.conventions import Attribute
from otel_joblog.testing import recording
from otel_joblog.timezone import local_timezone


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("TZ", "CRON_TZ"):
        monkeypatch.delenv(name, raising=False)
    local_timezone.cache_clear()
    yield
    local_timezone.cache_clear()
    timezone._folders.cache_clear()


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (":America/New_York", "America/New_York"),
        (":/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("", "UTC"),
    ],
)
def test_the_environment_says_it(told: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", told)
    assert local_timezone() == name


@pytest.mark.parametrize(
    "told",
    [
        ":/etc/localtime",
        "/etc/localtime",
        "/usr/share/zoneinfo/localtime",
        "localtime",
        "UTC0",
        "CET-1CEST",
        "../UTC",
        "?",
    ],
)
def test_where_the_environment_names_no_zone_the_host_says_it(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    monkeypatch.setattr(timezone, "_LINK", tmp_path / "localtime")
    monkeypatch.setenv("TZ", told)
    assert local_timezone() == "Asia/Kolkata"


def test_the_zone_of_a_crontab_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("CRON_TZ", "Asia/Tokyo")
    assert local_timezone() == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/posix/Europe/Berlin", "Europe/Berlin"),
        ("/var/db/timezone/zoneinfo/America/Lima", "America/Lima"),
        ("somewhere", "Asia/Kolkata"),
        (None, "Asia/Kolkata"),
    ],
)
def test_else_the_host_does(link: str | None, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, written = tmp_path / "localtime", tmp_path / "timezone"
    if link is not None:
        place.symlink_to(link)
    written.write_text("Asia/Kolkata\n")
    monkeypatch.setattr(timezone, "_LINK", place)
    monkeypatch.setattr(timezone, "_NAME", written)
    assert local_timezone() == name


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Mounts a file at ``/etc/localtime`` of an image that is set to UTC, whose link leads on to it."""

    def mount(content: bytes) -> None:
        place, written, system = tmp_path / "localtime", tmp_path / "timezone", tmp_path / "zoneinfo"
        (system / "Etc").mkdir(parents=True)
        (system / "Etc/UTC").write_bytes(content)
        place.symlink_to(system / "Etc/UTC")
        written.write_text("Etc/UTC\n")
        monkeypatch.setattr(timezone, "_LINK", place)
        monkeypatch.setattr(timezone, "_NAME", written)
        monkeypatch.setattr(timezone, "_SYSTEM", (system,))
        timezone._folders.cache_clear()

    return mount


def zone(name: str) -> bytes:
    return (files("tzdata") / "zoneinfo" / name).read_bytes()


def test_the_file_of_the_host_is_believed_more_than_the_names_of_an_image(mounted: Callable[[bytes], None]) -> None:
    mounted(zone("Europe/Berlin"))
    assert local_timezone() == "Europe/Berlin"


def test_of_another_release_a_zone_with_the_same_rule_is_found(mounted: Callable[[bytes], None]) -> None:
    mounted(zone("America/Santiago").replace(b"LMT", b"lmt"))
    assert local_timezone() == "America/Santiago"


def test_a_rule_of_no_zone_is_told_and_rounded_to_an_hour(
    mounted: Callable[[bytes], None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(zone("Europe/Berlin").replace(b"\nCET-1CEST,M3.5.0", b"\nCET-1CEST,M3.4.0"))
    monkeypatch.setenv("TZ", "MINE-5:40")
    time.tzset()
    diagnostics.counts.pop("timezone", None)
    try:
        assert local_timezone() == "Etc/GMT-6"
    finally:
        monkeypatch.undo()
        time.tzset()
    (told,) = caplog.messages
    assert "schedules are read in Etc/GMT-6" in told


def test_where_nobody_says_it_is_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "_LINK", tmp_path / "localtime")
    monkeypatch.setattr(timezone, "_NAME", tmp_path / "timezone")
    assert local_timezone() == "UTC"


def test_a_run_with_a_schedule_says_its_time_zone_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    with recording() as recorded:
        job("nightly", schedule="not a schedule")(lambda: None)()
        job("now and then")(lambda: None)()
    nightly, now_and_then = recorded.runs
    assert nightly.attributes[Attribute.SCHEDULE] == "not a schedule"
    assert nightly.attributes[Attribute.SCHEDULE_TIMEZONE] == "Europe/Berlin"
    assert Attribute.SCHEDULE_TIMEZONE not in now_and_then.attributes


def test_a_job_needs_neither_a_parser_nor_the_zones() -> None:
    code = """
import sys
from otel_joblog import job
from otel_joblog.testing import recording
with recording() as recorded:
    job("now and then")(lambda: None)()
    assert "otel_joblog.timezone" not in sys.modules
    job("nightly", schedule="0 3 * * *")(lambda: None)()
assert not {"cronsim", "zoneinfo", "otel_joblog.health"} & set(sys.modules), sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
