"""A TCP proxy before PostgreSQL's socket that cuts, delays and swallows what goes through it."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
import time
from pathlib import Path
from typing import Self

CHUNK = 16 * 1024


class Proxy:
    """``mode``: ``pass``; ``cut`` every connection after some bytes; ``delay`` each answer by 5 s; ``swallow``
    everything without a word, for ever on the connections that it befell; ``refuse``."""

    def __init__(self, target: Path, mode: str = "pass") -> None:
        self.target = target
        self.mode = mode
        self.cuts = 0
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._closing = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing = True
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            ready, _, _ = select.select([self._listener], [], [], 0.2) if not self._closing else ([], [], [])
            if not ready:
                continue
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._connections.add(client)
        try:
            with client, socket.socket(socket.AF_UNIX) as server:
                if self.mode == "refuse":
                    return
                server.connect(str(self.target))
                self._connections.add(server)
                try:
                    self._relay(client, server)
                finally:
                    self._connections.discard(server)
        except OSError:
            pass
        finally:
            self._connections.discard(client)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        budget = random.choice([random.randint(100, 20_000), random.randint(20_000, 800_000)])
        swallowed = False
        while True:
            ready, _, _ = select.select([client, server], [], [])
            for source in ready:
                data = source.recv(CHUNK)
                if not data:
                    return
                swallowed = swallowed or self.mode == "swallow"
                if swallowed:
                    continue
                budget -= len(data)
                if self.mode == "cut" and budget < 0:
                    self.cuts += 1
                    with contextlib.suppress(OSError):  # a part of it goes through
                        (server if source is client else client).sendall(data[: len(data) // 2])
                    return
                if self.mode == "delay" and source is server:
                    time.sleep(5)
                (server if source is client else client).sendall(data)
