"""A Grafana as far as ``dashboards install`` needs one: folders and dashboards over HTTP, by token."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback import answering

__all__ = ["TOKEN", "Grafana", "grafana"]

TOKEN = "glsa_of_a_test"


class Grafana:
    def __init__(self) -> None:
        self.url = ""
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}  # by uid, with the uid of their folder

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        if method == "GET" and path.startswith("/api/folders/"):
            uid = path.rsplit("/", 1)[1]
            known = uid in self.folders
            return (200, {"uid": uid, "title": self.folders[uid]}) if known else (404, {"message": "folder not found"})
        if (method, path) == ("POST", "/api/folders"):
            self.folders[body["uid"]] = body["title"]
            return 200, body
        if (method, path) == ("POST", "/api/dashboards/db"):
            board = body["dashboard"]
            if body["folderUid"] not in self.folders:
                return 400, {"message": "folder not found"}
            if board["uid"] in self.dashboards and not body["overwrite"]:
                return 412, {"message": "The dashboard has been changed by someone else"}
            self.dashboards[board["uid"]] = board | {"folder": body["folderUid"]}
            return 200, {"uid": board["uid"], "status": "success", "url": f"/d/{board['uid']}/a-title"}
        return 404, {"message": "Not found"}


@contextlib.contextmanager
def grafana() -> Iterator[Grafana]:
    fake = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def answered(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, told = 401, {"message": "Invalid API key"}
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, told = fake.answer(self.command, self.path, body)
            text = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self.answered()

        def do_POST(self) -> None:
            self.answered()

        def log_message(self, *args: object) -> None:
            pass

    with answering(Handler) as fake.url:
        yield fake
