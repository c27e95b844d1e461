"""What the exporter to PostgreSQL is called: its journals' cursors go by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_joblog.config import Settings
from otel_joblog.export.postgres import PostgresSpanExporter


def name(dsn: str | None = None, folder: str = "/state") -> str:
    return PostgresSpanExporter(Settings(dsn=dsn, state_dir=Path(folder))).name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgresql://db/jobs", "postgresql://writer:a%40b@db/jobs?application_name=x"),
        ("postgresql://writer:old@db:5433/jobs", "postgresql://owner:new@db:5433/jobs"),
        ("postgresql://db/jobs?host=/run", "postgresql://db/jobs?host=/run&user=writer&password=x"),
        ("host=db dbname=jobs", "dbname = jobs  user=writer password='it\\'s \\' dbname=no' host='db'"),
    ],
)
def test_whoever_logs_in_the_place_is_the_same(one: str, other: str) -> None:
    assert name(one) == name(other)


def test_other_places_have_other_names() -> None:
    places = [
        *("postgresql://db/jobs", "postgresql://db/others", "postgresql://db:5433/jobs", "postgresql://other/jobs"),
        *("host=db dbname=jobs port=1", "host=db dbname=jobs port=2", "service=jobs", "service=others"),
        *("host=db user=one", "host=db user=two"),  # each in the database of that name
    ]
    names = [*map(name, places), name()]
    assert len(set(names)) == len(names)


def test_a_state_folder_that_was_moved_keeps_the_name_of_its_own_server() -> None:
    assert name(folder="/elsewhere") == name()
