"""Sockets of OTLP over HTTP, kept where the job's own descriptors do not get (:mod:`otel_joblog.descriptors`)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..descriptors import Kept

if TYPE_CHECKING:
    import requests

__all__ = ["keep_sockets"]


def keep_sockets(session: requests.Session) -> None:
    """Let the connections of this session, other than those through a proxy, be where the job closes nothing."""
    for adapter in session.adapters.values():
        adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}  # type: ignore[attr-defined]


def _moved(made: socket.socket) -> socket.socket:
    timeout = made.gettimeout()
    kept = socket.socket(made.family, made.type, made.proto, Kept(made.detach()).number)
    kept.settimeout(timeout)
    return kept


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _moved(super()._new_conn())


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _moved(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
