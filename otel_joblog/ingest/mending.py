"""Requests of OTLP in which a string is not Unicode, made valid: what is none is escaped, as in ``caf\\xe9``.

Parsers refuse the whole request for one such string, and to a collector that is final: it drops the batch. Bytes that
are not UTF-8 come from jobs that log what they read; halves of surrogate pairs, in JSON, from JavaScript that cuts a
text. A request that parses never comes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

__all__ = ["mended_json", "mended_protobuf"]

# What "surrogateescape" makes of bytes that are no part of UTF-8, and how they stand in JSON when escaped.
_BYTES = {0xDC00 + byte: rf"\\x{byte:02x}" for byte in range(0x80, 0x100)}
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*+)"  # backslashes that are text
    rb"(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)


def mended_protobuf(request: type[Message], body: bytes) -> tuple[bytes, int]:
    """The body with all strings in UTF-8, and how many of them were not.

    Raises :class:`~google.protobuf.message.DecodeError` where it is no such request for other reasons.
    """
    lenient, strings = _lenient(request.DESCRIPTOR)
    message = lenient.FromString(body)
    mended = _mend(message, strings)
    return message.SerializeToString(), mended


def mended_json(body: bytes) -> tuple[bytes, int]:
    """The same of a body in JSON, with the number of bytes and halves of pairs that were escaped."""
    paired = _SURROGATES.sub(lambda found: found[0] if found[2] else rb"%s\\%s" % found.group(1, 3), body)
    mended = len(paired) - len(body)
    if not paired.isascii():
        text = paired.decode("utf-8", "surrogateescape")
        escaped = text.translate(_BYTES)
        mended += (len(escaped) - len(text)) // 4
        paired = escaped.encode()
    return paired, mended


def _mend(message: Message, strings: frozenset[str]) -> int:
    """Escapes in place; returns how many strings needed it."""
    mended = 0
    for field, value in message.ListFields():
        if field.message_type is not None:
            mended += sum(_mend(one, strings) for one in ((value,) if isinstance(value, Message) else value))
        elif field.full_name not in strings:
            continue
        elif isinstance(value, bytes):
            if (escaped := _escaped(value)) != value:
                setattr(message, field.name, escaped)
                mended += 1
        else:
            for place, one in enumerate(value):
                if (escaped := _escaped(one)) != one:
                    value[place] = escaped
                    mended += 1
    return mended


def _escaped(text: bytes) -> bytes:
    return text.decode("utf-8", "backslashreplace").encode()


@cache
def _lenient(request: Descriptor) -> tuple[type[Message], frozenset[str]]:
    """The same message with bytes for strings, which are taken as they come; and the names of these fields."""
    pool, strings = DescriptorPool(), set[str]()
    for file in dict.fromkeys(_with_dependencies(request.file)):
        described = FileDescriptorProto()
        file.CopyToProto(described)
        strings.update(_made_bytes(described.message_type, described.package))
        pool.Add(described)
    return GetMessageClass(pool.FindMessageTypeByName(request.full_name)), frozenset(strings)


def _with_dependencies(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for needed in file.dependencies:
        yield from _with_dependencies(needed)
    yield file


def _made_bytes(messages: Iterable[DescriptorProto], within: str) -> Iterator[str]:
    for message in messages:
        name = f"{within}.{message.name}"
        for field in message.field:
            if field.type == FieldDescriptorProto.TYPE_STRING:
                field.type = FieldDescriptorProto.TYPE_BYTES
                yield f"{name}.{field.name}"
        yield from _made_bytes(message.nested_type, name)
