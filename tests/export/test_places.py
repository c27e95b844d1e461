"""A destination goes by where it is, however it is spelled."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from otel_joblog.config import Settings
from otel_joblog.export.targets import EMBEDDED, NOWHERE, Endpoint, otlp_name, postgres_name
from otel_joblog.store.server.embedded import EmbeddedServer

RUN = quote(os.path.realpath("/var/run/postgresql"), safe="")


def name(dsn: str) -> str:
    return postgres_name(Settings(dsn=dsn))


@pytest.mark.parametrize(
    ("spellings", "place"),
    [
        (
            [
                "postgresql://db/shop",
                "postgresql://db:5432/shop",
                "postgres://DB/shop?connect_timeout=3",
                "postgresql://me:pa%40ss@db/shop",
                "postgresql://db./shop?sslmode=require",
                "postgresql:///shop?host=db&port=5432",
                "host=db dbname=shop",
                "host = 'db' port='5432' dbname = shop user=me password='it\\'s'",
            ],
            "shop@db:5432",
        ),
        (
            [
                "postgresql://localhost/shop",
                "postgresql://127.0.0.1/shop",
                "postgresql://127.0.1.1/shop",
                "postgresql://[::1]:5432/shop",
                "hostaddr=127.0.0.1 dbname=shop",
                "host=localhost,127.0.0.1 dbname=shop",
            ],
            "shop@localhost:5432",
        ),
        (
            [
                "postgresql://a,b:6432/shop",
                "postgresql://b:6432,A:5432/shop",
                "host=a,b port=5432,6432 dbname=shop",
                "host=b,a,b port=6432,,6432 dbname=shop",
            ],
            "shop@a:5432,b:6432",
        ),
        (
            [
                "dbname=shop",
                "postgresql:///shop",
                "postgresql://%2Fvar%2Frun%2Fpostgresql/shop",
                "host=/var/run/postgresql/ dbname=shop",
            ],
            f"shop@{RUN}:5432",
        ),
        (["postgresql://[2001:DB8:0::1]/shop", "host=2001:db8::1 dbname=shop"], "shop@[2001:db8::1]:5432"),
        (["postgresql://me@db", "host=db user=me"], "me@db:5432"),
        (["dbname='my shop' host=db", "postgresql://db/my%20shop"], "my%20shop@db:5432"),
        (["service=ours dbname=shop"], "shop@service:ours"),
    ],
)
def test_spellings_of_one_place_are_one_destination(spellings: list[str], place: str) -> None:
    assert {name(dsn) for dsn in spellings} == {f"postgres-{place}"}


def test_other_places_are_other_destinations() -> None:
    others = ["postgresql://db/shop", "postgresql://db:5433/shop", "postgresql://db2/shop", "postgresql://db/Shop"]
    assert len({name(dsn) for dsn in others}) == len(others)


@pytest.mark.parametrize("dsn", ["mysql://db/shop", "postgresql://[::1/shop", "nonsense"])
def test_what_is_no_connection_string_has_a_destination_of_its_own(dsn: str) -> None:
    assert name(dsn) == NOWHERE


def test_the_embedded_server_moves_with_its_folder_and_is_known_by_its_own_uri(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "one")
    assert postgres_name(settings) == postgres_name(Settings(state_dir=tmp_path / "two")) == EMBEDDED
    server = EmbeddedServer(settings.postgres_dir)
    uri = f"postgresql://joblog:secret@/joblog?host={server.socket_dir}&port=5432"
    assert postgres_name(Settings(state_dir=tmp_path / "one", dsn=uri)) == EMBEDDED
    assert postgres_name(Settings(state_dir=tmp_path / "two", dsn=uri)) != EMBEDDED


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (
            [
                "http://Collector:4318",
                "http://collector:4318/",
                "http://collector:4318/v1/traces",
                "http://me:secret@collector:4318",
            ],
            "otlp-collector:4318",
        ),
        (["http://localhost:4318", "http://127.0.0.1:4318", "http://[::1]:4318"], "otlp-localhost:4318"),
        (["https://collector", "https://collector:443"], "otlp-collector:443"),
    ],
)
def test_spellings_of_one_endpoint_are_one_destination(urls: list[str], expected: str) -> None:
    assert {otlp_name(Endpoint(url, grpc=False)) for url in urls} == {expected}


def test_an_endpoint_of_grpc_needs_no_scheme() -> None:
    spellings = ["collector:4317", "http://collector:4317", "collector"]
    assert {otlp_name(Endpoint(url, grpc=True)) for url in spellings} == {"otlp-collector:4317"}


def test_what_may_be_a_token_is_not_told() -> None:
    told = otlp_name(Endpoint("https://collector/geheim/v1/traces?key=geheim", grpc=False))
    assert told.startswith("otlp-collector:443~")
    assert "geheim" not in told


@pytest.mark.parametrize("dsn", ["host=" + ",".join(f"host{n}" for n in range(100)), "postgresql://db/" + "x" * 300])
def test_a_long_one_still_makes_the_name_of_a_file(dsn: str) -> None:
    assert len(name(dsn)) < 200
    assert name(dsn) != name(dsn + "y")
