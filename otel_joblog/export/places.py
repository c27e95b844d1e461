"""Places: where a connection string or an address leads to, however it is spelled.

Not as whom: so an agent ships for processes that have logins of their own, and a new password is no new place. What is
no connection string leads to :data:`UNREADABLE`.
"""

from __future__ import annotations

import os
import re
import socket
from hashlib import blake2s
from urllib.parse import quote, unquote, urlsplit

from ..dsn import words_of

__all__ = ["UNREADABLE", "address", "in_words", "postgres_place"]

UNREADABLE = "unreadable"  # the place of a connection string that is none

_MOST = 150  # bytes of a place: it becomes a part of a file's name


def postgres_place(dsn: str) -> str:
    """``database@host:port``, with commas between several hosts, each as if it were spelled in the plainest way.

    It can be the name of a file: what cannot is percent-encoded.
    """
    try:
        words = words_of(dsn)
    except ValueError:
        return UNREADABLE
    if words.get("service"):
        return _short(f"service:{quote(words['service'], safe='')}", words)
    hosts = (words.get("host") or words.get("hostaddr") or "").split(",")
    ports = (words.get("port") or "5432").split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    places = {f"{_host(host)}:{port.strip() or '5432'}" for host, port in zip(hosts, ports, strict=True)}
    return _short(",".join(sorted(places)), words)


def in_words(exporter: str) -> str:
    """What the name of an exporter says, for people."""
    kind, _, place = exporter.partition("-")
    if kind == "otlp":
        return f"the OTLP endpoint {place.partition('~')[0]}"
    if place == "embedded":
        return "the embedded PostgreSQL of this state folder"
    if place == UNREADABLE:
        return "a connection string that could not be read"
    database, at, hosts = place.partition("@")
    if kind != "postgres" or not at:
        return exporter
    return f"the database {unquote(database)} on {unquote(hosts).replace(',', ', ')}"


def address(url: str, default_port: int) -> str:
    """``host:port`` of an address, with a mark of what follows: that may hold a token."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    try:
        host, port = _host(parts.hostname or ""), parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return f"{UNREADABLE}~{_mark(url)}"
    path = parts.path.rstrip("/").removesuffix("/v1/traces").rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return f"{host[:_MOST]}:{port or default_port}" + (f"~{_mark(path)}" if path else "")


def _short(where: str, words: dict[str, str]) -> str:
    """With its database, which is the user's own where none is said, as libpq has it."""
    place = f"{quote(words.get('dbname') or words.get('user') or '', safe='')}@{where}"
    return place if len(place) <= _MOST else f"{place[:40]}~{_mark(place)}"


def _host(host: str) -> str:
    host = host.strip()
    if not host:
        host = "/var/run/postgresql"  # libpq's own
    if host.startswith("/"):
        return quote(os.path.realpath(host), safe="")
    host = host.lower().rstrip(".")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            host = socket.inet_ntop(family, socket.inet_pton(family, host))
        except OSError:
            continue
        break
    host = host.removeprefix("::ffff:") if "." in host else host
    loopback = host in {"localhost", "::1"} or re.fullmatch(r"127\.\d+\.\d+\.\d+", host)
    return "localhost" if loopback else f"[{host}]" if ":" in host else quote(host, safe="")


def _mark(text: str) -> str:
    return blake2s(text.encode(), digest_size=4).hexdigest()
