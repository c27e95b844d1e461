"""What libpq takes from the environment is meant for the job's own database: ours is reached all the same."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from otel_joblog.errors import SchemaError, StoreUnavailable
from otel_joblog.store.connection import conninfo
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.write.writer import Writer
from tests.store.samples import line, started

NOWHERE = "192.0.2.1"
SAID = "Grüße, 東京 🚆"

# To each what would cut off or bend whoever heeds it.
HOSTILE = {
    "PGHOST": NOWHERE,
    "PGHOSTADDR": NOWHERE,
    "PGPORT": "1",
    "PGDATABASE": "nowhere",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nonexistent",
    "PGOPTIONS": "-c search_path=nowhere -c statement_timeout=1 -c default_transaction_read_only=on",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGREQUIREAUTH": "gss",
    "PGREQUIREPEER": "nobody",
    "PGCHANNELBINDING": "require",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "/nonexistent",
    "PGSSLCERT": "/nonexistent",
    "PGSSLKEY": "/nonexistent",
    "PGSSLCRL": "/nonexistent",
    "PGSSLCRLDIR": "/nonexistent",
    "PGSSLCERTMODE": "require",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLMINPROTOCOLVERSION": "TLSv1.3",
    "PGSSLMAXPROTOCOLVERSION": "TLSv1",
    "PGSSLSNI": "0",
    "PGSSLCOMPRESSION": "1",
    "PGGSSENCMODE": "require",
    "PGGSSDELEGATION": "1",
    "PGGSSLIB": "nothing",
    "PGKRBSRVNAME": "nobody",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "random",
    "PGMINPROTOCOLVERSION": "3.2",
    "PGMAXPROTOCOLVERSION": "3.2",
    "PGCONNECT_TIMEOUT": "never",
    "PGAPPNAME": "theirs",
    "PGSERVICE": "theirs",
    "PGTZ": "Asia/Tokyo",
    "PGDATESTYLE": "German",
}


SERVICE = f"""[theirs]
host={NOWHERE}
hostaddr={NOWHERE}
options=-c search_path=nowhere
sslmode=verify-full
keepalives=0
"""


def test_every_variable_of_libpq_is_tried() -> None:
    known = {option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    assert known <= HOSTILE.keys()


@pytest.mark.parametrize("variable", [*HOSTILE, "all of them"])
def test_what_is_meant_for_the_jobs_database_bends_nothing(
    variable: str, dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "services").write_text(SERVICE)
    with monkeypatch.context() as environment:
        environment.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        for name, value in HOSTILE.items():
            if variable in {name, "all of them"}:
                environment.setenv(name, value)
        assert told(dsn) == [SAID]


@pytest.mark.parametrize("encoding", ["WIN1252", "LATIN1", "SQL_ASCII", "EUC_JP"])
def test_text_goes_over_the_wire_in_utf_8(encoding: str, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("PGCLIENTENCODING", encoding)
        assert told(dsn) == [SAID]
        assert told(make_conninfo(dsn, client_encoding=encoding), 2) == [SAID]


def told(dsn: str, number: int = 1) -> list[str]:
    """What is read of a line that was written."""
    writer = Writer(dsn)
    writer.write([started(number), line(1, number, message=SAID)])
    writer.close()

    async def read() -> list[str]:
        async with Reader(dsn) as reader:
            (run, *_) = (await reader.runs()).items
            return [one.message for one in (await reader.lines(run.run_id)).items]

    return asyncio.run(read())


def test_a_service_that_the_dsn_names_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    words = conninfo_to_dict(dsn)
    file = tmp_path / "ours"
    file.write_text("[ours]\n" + "".join(f"{word}={value}\n" for word, value in words.items()))
    with monkeypatch.context() as environment:
        environment.setenv("PGSERVICEFILE", str(file))
        environment.setenv("PGSERVICE", "theirs")
        assert told("service=ours") == [SAID]


@pytest.mark.parametrize("file", [None, "/nonexistent"])
def test_a_service_of_the_environment_that_no_file_has_is_named_and_left_as_it_is(
    file: str | None, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("PGSERVICE", "nowhere")
        if file:
            environment.setenv("PGSERVICEFILE", file)
        writer = Writer(dsn)
        with pytest.raises(StoreUnavailable, match="PGSERVICE names it in the environment"):
            writer.write([started(), line(1, message=SAID)])
        writer.close()
        assert os.environ["PGSERVICE"] == "nowhere"
    assert told(dsn, 2) == [SAID]


def test_a_connection_that_fails_leaves_the_environment_as_it_was(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("PGSERVICE", "nowhere")
        with pytest.raises(StoreUnavailable):
            Writer("host=/nonexistent dbname=nowhere").write([started()])
        assert subprocess.run(["printenv", "PGSERVICE"], capture_output=True, check=True).stdout == b"nowhere\n"


def test_a_reader_says_which_variable_is_at_fault(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("PGSERVICE", "nowhere")
        with pytest.raises(StoreUnavailable, match=r'"nowhere" not found; PGSERVICE .* unset it'):
            migrate(dsn)


def test_without_such_variables_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HOSTILE:
        monkeypatch.delenv(name, raising=False)
    assert conninfo_to_dict(conninfo("host=db dbname=shop")).keys() <= {
        "host", "dbname", "client_encoding", "connect_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout",
    }  # fmt: skip


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def other_encoding(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[tuple[str, str]]:
    name = sql.Identifier(f"joblog_test_{os.getpid()}_{request.param.lower()}")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding {} locale 'C' template template0").format(name, request.param)
        )
    try:
        yield request.param, make_conninfo(postgres_dsn, dbname=name.as_string().strip('"'))
    finally:
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))


def test_a_database_that_cannot_hold_every_line_is_refused_with_a_sentence(other_encoding: tuple[str, str]) -> None:
    encoding, dsn = other_encoding
    with pytest.raises(SchemaError, match=f"is encoded in {encoding}.*create database joblog encoding 'UTF8'"):
        migrate(dsn)
    with pytest.raises(SchemaError, match=f"is encoded in {encoding}"):
        Writer(dsn).write([started(1), line(1)])
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select to_regnamespace('joblog')").fetchone() == (None,)
