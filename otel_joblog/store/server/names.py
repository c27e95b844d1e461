"""What the embedded server is called by who sets it up and by who connects to it."""

from __future__ import annotations

__all__ = ["DATABASE", "PORT", "SOCKET", "USER"]

USER = "joblog"
DATABASE = "joblog"
PORT = 5432  # only a part of the socket's name
SOCKET = f".s.PGSQL.{PORT}"
