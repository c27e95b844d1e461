"""Where runs are shipped to, and the names by which journals know that. Imports none of what shipping takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..config import Settings
from ..journal.trouble import EMBEDDED, NOWHERE
from .places import address, postgres_place

__all__ = ["EMBEDDED", "NOWHERE", "Endpoint", "endpoint", "otlp_name", "otlp_target", "postgres_name", "target_names"]


class Endpoint(NamedTuple):
    """Where spans go: one of the two transports of the stock exporter; everything else it reads from ``OTEL_*``."""

    url: str
    grpc: bool


def endpoint(environ: Mapping[str, str], *, required: bool) -> Endpoint | None:
    """The endpoint that the standard variables name; None where there is none, or OTLP is switched off by them.

    Without ``OTEL_EXPORTER_OTLP_PROTOCOL``, port 4317 means gRPC and every other HTTP, as receivers have it.
    ``required`` stands for the standard's default endpoint where none is named.
    """
    exporters = environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or "otlp" not in {name.strip() for name in exporters}:
        return None
    url = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or ""
    if not url and not required:
        return None
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    grpc = protocol == "grpc" or (not protocol and url.rstrip("/").endswith(":4317"))
    return Endpoint(url or "http://localhost:4318", grpc)


def otlp_target(settings: Settings, environ: Mapping[str, str], *, by_default: bool) -> Endpoint | None:
    """The endpoint that these settings want shipped to; ``by_default`` is what ``auto`` comes to."""
    if settings.otlp == "on" or (settings.otlp == "auto" and by_default):
        return endpoint(environ, required=settings.otlp == "on")
    return None


def postgres_name(settings: Settings) -> str:
    """``postgres-database@host:port``, or ``postgres-embedded``: that of the state folder, which may move."""
    if not settings.dsn:
        return EMBEDDED
    place = postgres_place(settings.dsn)
    of_a_socket = "@%2F" in place
    return EMBEDDED if of_a_socket and place == _embedded_place(settings) else f"postgres-{place}"


def otlp_name(where: Endpoint) -> str:
    """``otlp-host:port``; whatever follows in the address is a mark."""
    return f"otlp-{address(where.url, 4317 if where.grpc else 4318)}"


def _embedded_place(settings: Settings) -> str:
    from ..store.server.embedded import EmbeddedServer
    from ..store.server.names import DATABASE, PORT

    server = EmbeddedServer(settings.postgres_dir, settings.pg_bin)
    return postgres_place(f"host='{server.socket_dir}' port={PORT} dbname={DATABASE}")


def target_names(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Of all exporters that a program without spans of its own ships to."""
    where = otlp_target(settings, environ, by_default=True)
    return [postgres_name(settings), *([] if where is None else [otlp_name(where)])]
