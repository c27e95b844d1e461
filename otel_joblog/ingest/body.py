"""Bodies of requests: read and unpacked within bounds of size, memory and time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator

from starlette.requests import ClientDisconnect, Request

from .answers import Refusal

__all__ = ["Held", "read_body", "unpacked"]

SLOWEST = 20.0  # seconds that a body may take
PIECE = 256 * 1024  # bytes unpacked at once
_GZIP, _ZLIB, _RAW = 31, 15, -15


class Held:
    """Bytes of bodies in memory, all requests together."""

    def __init__(self, most: int) -> None:
        self.bytes = 0
        self._most = most

    def add(self, size: int) -> bool:
        """Whether there was room."""
        if self.bytes + size > self._most:
            return False
        self.bytes += size
        return True

    def give_back(self, size: int) -> None:
        self.bytes -= size


async def read_body(request: Request, most: int, held: Held) -> bytes:
    """The body as it was sent; what it takes is ``held``, and for the caller to give back.

    Raises :class:`Refusal`: 413 beyond ``most`` bytes, 429 where others hold too much, 503 where it comes too slowly:
    the collector takes 408 for final.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise Refusal(413, f"the body has {int(length):,} bytes, and {most:,} is the most")
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST):
            async for piece in request.stream():
                if size + len(piece) > most:
                    raise Refusal(413, f"the body has more than {most:,} bytes")
                if not held.add(len(piece)):
                    raise Refusal(429, "too many requests at once", retry_after=1)
                size += len(piece)
                pieces.append(piece)
    except TimeoutError:
        held.give_back(size)
        raise Refusal(503, f"the body did not come within {SLOWEST:g} seconds", retry_after=1) from None
    except (Refusal, ClientDisconnect, asyncio.CancelledError):
        held.give_back(size)
        raise
    return b"".join(pieces)


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """The body without its ``Content-Encoding`` (``identity``, ``gzip`` or ``deflate``).

    However small a body is and however large it claims to be, no more than ``most`` bytes are ever unpacked. Raises
    :class:`Refusal`: 413 beyond that, 400 for what is not so encoded.
    """
    if encoding == "identity":
        return body
    try:
        return _within(most, _pieces(body, _GZIP if encoding == "gzip" else _ZLIB))
    except zlib.error as error:
        if encoding == "deflate":  # what some send under this name: without the header that the standard asks for
            try:
                return _within(most, _pieces(body, _RAW))
            except zlib.error:
                pass
        raise Refusal(400, f"the body is not {encoding}: {error}") from None


def _within(most: int, pieces: Iterator[bytes]) -> bytes:
    found: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise Refusal(413, f"the body has more than {most:,} bytes when unpacked")
        found.append(piece)
    return b"".join(found)


def _pieces(body: bytes, form: int) -> Iterator[bytes]:
    """What a body unpacks to, a bounded piece at a time; gzip may have several members."""
    make: Callable[[], zlib._Decompress] = lambda: zlib.decompressobj(form)  # noqa: E731
    unpack = make()
    rest = body
    while True:
        yield unpack.decompress(rest, PIECE)
        rest = unpack.unconsumed_tail
        if unpack.eof:
            rest = unpack.unused_data
            if not rest:
                return
            unpack = make()
        elif not rest:
            tail = unpack.decompress(b"", PIECE)  # what the last piece left inside
            if not tail:
                raise zlib.error("it ends too early")
            yield tail
