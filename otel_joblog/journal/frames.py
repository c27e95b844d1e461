"""Framing: how a record lies in a segment, and how a damaged segment is read on.

A frame is ``sync (1 byte) · length (4) · checksum (4) · payload``, little-endian. The checksum is the CRC-32 of the
payload, seeded with its length, so that a flipped bit in either is noticed. A reader that meets damage looks for the
next frame that checks out; what it passed over is counted, never guessed at.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

__all__ = ["HEADER_SIZE", "SYNC", "Scan", "frame", "pack_header", "scan"]

SYNC = 0xA7
_HEADER = struct.Struct("<BII")
HEADER_SIZE = _HEADER.size

pack_header = _HEADER.pack
_unpack_header = _HEADER.unpack_from


def frame(payload: bytes) -> bytes:
    size = len(payload)
    return pack_header(SYNC, size, crc32(payload, size)) + payload


class Scan(NamedTuple):
    """What a stretch of a segment holds."""

    payloads: list[bytes]
    consumed: int  # bytes from the start of the stretch that need not be read again
    damaged: int  # bytes among them that belong to no good frame and lie before one that is good
    cut: int  # bytes at a final end that are the beginning of a frame: its append never returned, or was done anew
    wanted: int  # bytes needed, from `consumed` on, to complete the frame that begins there; 0 at a clean end


def scan(data: bytes, *, final: bool, limit: int) -> Scan:
    """The payloads of at most ``limit`` frames at the start of ``data``.

    ``final`` says that nothing will be added: a frame cut short is damage then, and not a frame still being written.
    """
    payloads: list[bytes] = []
    end = len(data)
    at = damaged = 0
    while at < end and len(payloads) < limit:
        start = at + HEADER_SIZE
        if start <= end:  # _good_frame, written out: this is the reader's hot path
            sync, size, checksum = _unpack_header(data, at)
            stop = start + size
            if sync == SYNC and stop <= end:
                payload = data[start:stop]
                if crc32(payload, size) == checksum:
                    payloads.append(payload)
                    at = stop
                    continue
            elif sync == SYNC and not final:
                # Still being written, or its length is damaged: that is told once nothing will be added.
                return Scan(payloads, at, damaged, 0, stop - at)
        following = _next_good_frame(data, at + 1, end)
        if following is None:
            if final:
                return Scan(payloads, end, damaged, end - at, 0)
            return Scan(payloads, at, damaged, 0, _wanted(data, at, end))
        damaged += following - at
        at = following
    return Scan(payloads, at, damaged, 0, 0)


def _good_frame(data: bytes, at: int, end: int) -> bool:
    """Whether a complete, sound frame begins at ``at``."""
    start = at + HEADER_SIZE
    if start > end:
        return False
    sync, size, checksum = _unpack_header(data, at)
    stop = start + size
    return bool(sync == SYNC and stop <= end and crc32(memoryview(data)[start:stop], size) == checksum)


def _next_good_frame(data: bytes, at: int, end: int) -> int | None:
    while (at := data.find(SYNC, at)) >= 0:
        if _good_frame(data, at, end):
            return at
        at += 1
    return None


def _wanted(data: bytes, at: int, end: int) -> int:
    if end - at < HEADER_SIZE or data[at] != SYNC:
        return HEADER_SIZE
    return HEADER_SIZE + int(_unpack_header(data, at)[1])
