"""Where runs are shipped to, and the names by which journals know that. Imports none of what shipping takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2s
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from ..config import Settings

__all__ = ["Endpoint", "endpoint", "otlp_name", "otlp_target", "place", "postgres_name", "target_names"]

_WORDS = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)")
_PLACE = ("service", "host", "hostaddr", "port", "dbname")


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


def place(dsn: str) -> str:
    """What in a connection string says where, not as whom: the journal's cursors go by it.

    So an agent ships for processes that have logins of their own, and a new password is no new place. Nothing of libpq
    is imported for that: both its forms are taken apart here.
    """
    if "://" in dsn:
        parts = urlsplit(dsn)
        words = {
            "host": parts.netloc.rpartition("@")[2],
            "dbname": parts.path.strip("/"),
            **dict(parse_qsl(parts.query)),
        }
        words["user"] = parts.username or ""
    else:
        words = {name: value.strip("'") for name, value in _WORDS.findall(dsn)}
    if not words.get("dbname"):  # libpq's own default
        words["dbname"] = words.get("user", "")
    return " ".join(f"{name}={words[name]}" for name in _PLACE if words.get(name))


def postgres_name(settings: Settings) -> str:
    return f"postgres-{_mark(place(settings.dsn) if settings.dsn else str(settings.postgres_dir))}"


def otlp_name(where: Endpoint) -> str:
    return f"otlp-{_mark(where.url)}"


def target_names(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Of all exporters that a program without spans of its own ships to."""
    where = otlp_target(settings, environ, by_default=True)
    return [postgres_name(settings), *([] if where is None else [otlp_name(where)])]


def _mark(target: str) -> str:
    return blake2s(target.encode(), digest_size=4).hexdigest()
