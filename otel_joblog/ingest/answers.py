"""What a sender is answered, in the form that it spoke in: OTLP's responses, and ``google.rpc.Status`` for refusals.

Senders take 429, 502, 503 and 504 for "again later" and everything else for final: the collector then drops what it
has. So whatever may pass is 429 or 503, and nothing is ever 500.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

__all__ = ["JSON", "PROTOBUF", "Refusal", "Signal", "refused", "taken"]

Signal = Literal["traces", "logs"]

PROTOBUF, JSON = "application/x-protobuf", "application/json"

# gRPC's codes for HTTP's.
_CODES = {400: 3, 401: 16, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}


class Refusal(Exception):
    """A request that is not taken. ``retry_after`` seconds where it may be taken later."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


def refused(refusal: Refusal, form: str) -> Response:
    code = _CODES[refusal.status]
    if form == JSON:
        body = msgspec.json.encode({"code": code, "message": refusal.message})
    else:
        body = Status(code=code, message=refusal.message).SerializeToString()
    return Response(body, refusal.status, refusal.headers, form)


def taken(signal: Signal, rejected: int, remark: str, form: str) -> Response:
    """The request is taken, but for so many spans or log records; with none rejected, a remark is a warning."""
    if form == JSON:
        said: dict[str, object] = {}
        if remark:
            counted = "rejectedSpans" if signal == "traces" else "rejectedLogRecords"
            said = {"partialSuccess": {counted: str(rejected), "errorMessage": remark}}
        return Response(msgspec.json.encode(said), 200, None, JSON)
    answer: ExportTraceServiceResponse | ExportLogsServiceResponse
    if signal == "traces":
        answer = ExportTraceServiceResponse()
        if remark:
            answer.partial_success.rejected_spans = rejected
            answer.partial_success.error_message = remark
    else:
        answer = ExportLogsServiceResponse()
        if remark:
            answer.partial_success.rejected_log_records = rejected
            answer.partial_success.error_message = remark
    return Response(answer.SerializeToString(), 200, None, PROTOBUF)
