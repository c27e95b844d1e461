"""The real collector and the real Jaeger with the configurations of collector/, on ports of their own, and our viewer.

``make collector jaeger`` builds both. Only ports, and how often metrics come, are replaced in a configuration, by a
second file.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

__all__ = ["COLLECTOR", "CONFIGURATIONS", "JAEGER", "TOKEN", "Collector", "Jaeger", "Viewer", "until"]

ROOT = Path(__file__).parent.parent.parent
CONFIGURATIONS = ROOT / "collector"
COLLECTOR = ROOT / ".cache" / "bin" / "collector"
JAEGER = ROOT / ".cache" / "bin" / "jaeger"
TOKEN = "a-token-of-the-tests"
PATIENCE = 60.0  # seconds: these machines have other things to do, too


def until(true: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """What ``true`` returns, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what} has not come after {seconds:g} s"
        time.sleep(0.02)
    return found


def free_port() -> int:
    """Below those that the kernel gives to clients, so that none of these takes it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Program:
    """A process that serves. Use it as a context manager; it may be killed and started again in between."""

    def __init__(self, name: str, folder: Path, command: list[str], **variables: str) -> None:
        self.log = folder / f"{name}.log"
        self._command = command
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self._environment = kept | variables
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(lambda: self._healthy() or self.ended, f"the start of {self.log.stem}")
        assert not self.ended, self.log.read_text()[-3000:]

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """As a service manager would; killed where it does not come to an end."""
        if self._process is not None and not self.ended:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()

    def _healthy(self) -> bool:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=60).is_success
    return False


def listening(port: int) -> str:
    return f"127.0.0.1:{port}"


class Collector(Program):
    """``url`` is where jobs send to. ``configurations`` are files of collector/, ``more`` goes on top of them."""

    def __init__(self, folder: Path, *configurations: str, more: Mapping[str, Any] | None = None, **variables: str):
        self.http, self.grpc, health, self._metrics, self._own = (free_port() for _ in range(5))
        self.url = f"http://{listening(self.http)}"
        self._health = f"http://{listening(health)}"
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self._own}}}}
        ports: dict[str, Any] = {
            "extensions": {"health_check": {"endpoint": listening(health)}},
            "receivers": {
                "otlp": {
                    "protocols": {
                        "grpc": {"endpoint": listening(self.grpc)},
                        "http": {"endpoint": listening(self.http)},
                    }
                }
            },
            "service": {"telemetry": {"metrics": {"readers": [reader]}}},
        }
        if "config.yaml" in configurations:
            ports["exporters"] = {"prometheus": {"endpoint": listening(self._metrics)}}
            ports["connectors"] = {"span_metrics": {"metrics_flush_interval": "1s"}}
        files = [CONFIGURATIONS / name for name in configurations]
        for number, overlay in enumerate((ports, more or {}), 1):  # JSON is YAML, too
            files.append(folder / f"overlay-{self.http}-{number}.yaml")
            files[-1].write_text(json.dumps(overlay))
        options = [word for file in files for word in ("--config", str(file))]
        state = folder / f"collector-{self.http}"
        super().__init__(
            f"collector-{self.http}",
            folder,
            [str(COLLECTOR), *options],
            COLLECTOR_STATE_DIR=str(state),
            OTEL_JOBLOG_INGEST_TOKEN=TOKEN,
            **variables,
        )

    def metrics(self) -> list[str]:
        """The lines that Prometheus would scrape."""
        form = {"Accept": "application/openmetrics-text"}
        return httpx.get(f"http://{listening(self._metrics)}/metrics", headers=form, timeout=60).text.splitlines()

    def holds(self, least: int) -> int:
        """How many spans and log records wait for the ingest; 0 where that is fewer than asked for."""
        waiting = self._own_figure("otelcol_exporter_queue_size", "otlp_http/joblog")
        return waiting if waiting >= least else 0

    def sent(self, exporter: str) -> int:
        """How many spans this exporter has delivered since the collector began."""
        return self._own_figure("otelcol_exporter_sent_spans", exporter)

    def _own_figure(self, name: str, exporter: str) -> int:
        own = httpx.get(f"http://{listening(self._own)}/metrics", timeout=60).text.splitlines()
        mine = [line for line in own if line.startswith(name) and f'exporter="{exporter}"' in line]
        return sum(int(float(line.rpartition(" ")[2])) for line in mine)

    def _healthy(self) -> bool:
        return answers(self._health)


class Jaeger(Program):
    """``endpoint`` is where the collector sends to."""

    def __init__(self, folder: Path) -> None:
        query, grpc, otlp, health = (free_port() for _ in range(4))
        self._query, self._health = f"http://{listening(query)}", f"http://{listening(health)}/status"
        self.endpoint = listening(otlp)
        overlay = folder / "jaeger-ports.yaml"
        overlay.write_text(
            json.dumps(
                {
                    "extensions": {
                        "healthcheckv2": {"http": {"endpoint": listening(health)}},
                        "jaeger_query": {
                            "http": {"endpoint": listening(query)},
                            "grpc": {"endpoint": listening(grpc)},
                        },
                    },
                    "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": self.endpoint}}}},
                }
            )
        )
        configuration = CONFIGURATIONS / "jaeger" / "config.yaml"
        super().__init__("jaeger", folder, [str(JAEGER), "--config", str(configuration), "--config", str(overlay)])

    def stop(self) -> None:
        """It would wait ten seconds before it goes, and has nothing to save."""
        self.kill()

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace as OTLP has them in JSON, each with its ``resource``; empty where there is none yet."""
        answer = httpx.get(f"{self._query}/api/v3/traces/{trace_id}", timeout=60)
        if answer.status_code == 404:
            return []
        found = answer.raise_for_status().json()["result"]["resourceSpans"]
        return [
            span | {"resource": resource["resource"]}
            for resource in found
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def _healthy(self) -> bool:
        return answers(self._health)


class Viewer(Program):
    """``otel-joblog serve`` with its ingest, at an address that stays while it is stopped."""

    def __init__(self, folder: Path, dsn: str) -> None:
        port = free_port()
        self.url = f"http://{listening(port)}"
        super().__init__(
            f"viewer-{port}",
            folder,
            [sys.executable, "-m", "otel_joblog", "serve", "--no-agent", "--port", str(port)],
            OTEL_JOBLOG_DSN=dsn,
            OTEL_JOBLOG_INGEST_TOKEN=TOKEN,
            OTEL_JOBLOG_STATE_DIR=str(folder / f"viewer-{port}"),
        )

    def _healthy(self) -> bool:
        return answers(f"{self.url}/healthz")


def attributes(of: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of OTLP's JSON as a mapping."""
    return {one["key"]: next(iter(one["value"].values())) for one in of.get("attributes", ())}


@contextlib.contextmanager
def stopped(program: Program) -> Iterator[None]:
    """While the block runs."""
    program.stop()
    try:
        yield
    finally:
        program.start()
