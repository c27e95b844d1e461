"""The collector between our SDK and our ingest, and Jaeger beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import COLLECTOR, JAEGER, Collector, Jaeger, Viewer

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def collected_dsn(empty_dsn: str) -> str:
    """A database that only what came through the collector is stored in."""
    return empty_dsn


@pytest.fixture
def viewer(tmp_path: Path, collected_dsn: str) -> Iterator[Viewer]:
    with Viewer(tmp_path, collected_dsn) as viewer:
        yield viewer


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    if not JAEGER.exists():
        pytest.skip("make jaeger builds it")
    with Jaeger(tmp_path) as jaeger:
        yield jaeger


@pytest.fixture
def collector(tmp_path: Path, viewer: Viewer) -> Iterator[Collector]:
    """To the viewer; nothing listens where its Jaeger should be."""
    if not COLLECTOR.exists():
        pytest.skip("make collector builds it")
    with Collector(
        tmp_path, "config.yaml", JAEGER_ENDPOINT=NOWHERE, OTEL_JOBLOG_INGEST_ENDPOINT=viewer.url
    ) as collector:
        yield collector


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """Of this host: certificate and key."""
    found = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-out", found[0], "-keyout", found[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return found
