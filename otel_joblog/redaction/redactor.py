"""The redactor: records in, bytes without secrets out.

Few lines hold anything that looks like a secret, so a record is encoded first, and its bytes are asked for the words
and shapes without which none of the patterns can match. Only where there is one is the record decoded again, as its
reader would see it, and each text in it gone through; whatever objects the attributes were made of are plain by then.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec.structs import replace

from ..conventions import Attribute
from ..interruption import foreign
from ..records import (
    Journaled,
    Line,
    Output,
    Process,
    Progress,
    Queued,
    Record,
    SpanEnded,
    SpanStarted,
    decode,
    encode,
    encode_plainly,
)
from .finding import MARK, Finder
from .glance import Glance
from .keys import judge_of_attributes, words_of
from .patterns import finders
from .seen import Sight, sight
from .tokens import emails
from .values import is_secret

if TYPE_CHECKING:
    from ..config import Settings

R = TypeVar("R", bound=Record)

__all__ = ["Redactor", "Unredacted", "make_redactor"]

_OPTION = re.compile(r"--?[A-Za-z][\w\-]{1,60}\Z", re.ASCII)
_IDS = frozenset({Attribute.RUN_ID, Attribute.PARENT_RUN})


class Redactor:
    """Takes secrets out of records. What it looks for beside the default patterns:

    :param keys: further words; the value of a key that holds one is a secret.
    :param patterns: further regular expressions; what one matches is a secret. Every text is searched for them.
    :param email_addresses: whether e-mail addresses are taken for secrets.
    """

    def __init__(
        self, keys: Iterable[str] = (), patterns: Iterable[str] = (), *, email_addresses: bool = False
    ) -> None:
        own_keys = tuple(keys)
        self._own_patterns = [re.compile(pattern) for pattern in patterns]
        self._own_hint = re.compile(words_of(own_keys)).search if own_keys else None
        self._addresses = email_addresses
        self._further = email_addresses or bool(own_keys) or bool(self._own_patterns)
        self._glance = Glance()
        self._finders: tuple[Finder, ...] = (*finders(own_keys), *([emails] if email_addresses else []))
        self._named = judge_of_attributes(own_keys)

    def encode(self, record: Journaled) -> bytes:
        """The record as MessagePack, without secrets. Never fails, as :func:`~otel_joblog.records.encode`."""
        if type(record) is Output:
            return encode(self._output(record))
        if type(record) is Line and record.attributes is None and not self._further:
            # What follows for most lines, with fewer calls.
            try:
                payload = encode_plainly(record)
            except Exception as trouble:
                if foreign(trouble):
                    raise
                payload = encode(record)
            return encode(self._redacted(decode(payload))) if self._glance.line(record.message) else payload
        payload = encode(record)
        return encode(self._redacted(decode(payload))) if self._suspects(record, payload) else payload

    def record(self, record: R) -> R:
        """The record without secrets; itself where there are none."""
        payload = encode(record)
        if self._suspects(record, payload):
            return cast("R", self._redacted(decode(payload)))
        return record

    def records(self, records: Sequence[Record]) -> list[Record]:
        """Each as by :meth:`record`. Lines without attributes, which most are, are glanced at all at once."""
        if self._further:
            return [self.record(record) for record in records]
        places: list[int] = []
        messages: list[str] = []
        redacted: list[Record] = []
        for place, record in enumerate(records):
            if type(record) is Line and record.attributes is None:
                places.append(place)
                messages.append(record.message)
                redacted.append(record)
            else:
                redacted.append(self.record(record))
        for number in self._glanced(messages):
            redacted[places[number]] = self.record(records[places[number]])
        return redacted

    def _glanced(self, messages: list[str]) -> Collection[int]:
        """The numbers, from 0, of messages of any number of lines that may hold a secret."""
        said = "\n".join(messages)
        lines = self._glance.suspicious(said.encode("utf-8", "replace"))
        if not lines:
            return ()
        ends = list(accumulate(message.count("\n") + 1 for message in messages))
        return {bisect_right(ends, line) for line in lines}

    def text(self, text: str) -> str:
        """The text without secrets."""
        seen = sight(text)
        lowered = _lowered(seen.text if seen else text)
        for find in self._finders:
            found = list(find(seen.text if seen else text, lowered))
            if found:
                text = _replaced(text, seen, found)
                seen = sight(text)
                lowered = _lowered(seen.text if seen else text)
        for pattern in self._own_patterns:
            text = pattern.sub(MARK, text)
        return text

    def value(self, key: Any, value: Any) -> Any:
        """The value of an attribute without secrets: replaced whole where its key says that it is one."""
        if not isinstance(key, str) or value is None or isinstance(value, bool):
            return self._inside(value)
        named = self._named(key)
        if named is None or (isinstance(value, str | int | float) and not is_secret(named, str(value))):
            return self._inside(value)
        return MARK

    def _suspects(self, record: Journaled, payload: bytes) -> bool:
        """Whether any search or rule might find something. This is all that redaction costs most lines."""
        if type(record) is Line and record.attributes is None:
            return self._glance.line(record.message) or (
                self._further and self._asks_for(record.message, record.message.lower())
            )
        return self._glance.keyed(payload) or (
            self._further and (bool(self._own_patterns) or self._asks_for("", payload.decode("latin-1").lower()))
        )

    def _suspects_message(self, message: str) -> bool:
        return self._glance.line(message) or (self._further and self._asks_for(message, message.lower()))

    def _asks_for(self, message: str, lowered: str) -> bool:
        """Whether there is something of what only this user wants redacted."""
        return (
            (self._addresses and "@" in lowered)
            or (self._own_hint is not None and self._own_hint(lowered) is not None)
            or any(pattern.search(message) for pattern in self._own_patterns)
        )

    def _redacted(self, record: Journaled) -> Journaled:
        """A record as its reader gets it, without secrets in what was said freely."""
        match record:
            case Line():
                attributes = record.attributes and self._attributes(record.attributes)
                return replace(record, message=self.text(record.message), attributes=attributes)
            case SpanStarted():
                return replace(record, name=self.text(record.name), attributes=self._attributes(record.attributes))
            case SpanEnded():
                return replace(
                    record,
                    name=self.text(record.name),
                    message=self.text(record.message),
                    attributes=self._attributes(record.attributes),
                    events=[
                        replace(event, name=self.text(event.name), attributes=self._attributes(event.attributes))
                        for event in record.events
                    ],
                    links=[replace(link, attributes=self._attributes(link.attributes)) for link in record.links],
                )
            case Queued():
                return replace(
                    record,
                    name=self.text(record.name),
                    attributes=self._attributes(record.attributes),
                    links=[replace(link, attributes=self._attributes(link.attributes)) for link in record.links],
                )
            case Progress():
                return replace(record, unit=self.text(record.unit))
            case Process():
                return replace(record, resource=self._attributes(record.resource))
            case _:
                return record

    def _output(self, output: Output) -> Output:
        """Line by line what a :class:`Line` comes to; of most, none is looked at for itself."""
        if self._further or output.count == 1:
            suspicious: Iterable[int] = range(output.count)
        else:
            suspicious = self._glance.suspicious(output.text.encode("utf-8", "replace"))
        if not suspicious:
            return output
        lines = output.text.split("\n")
        for number in suspicious:
            if self._suspects_message(lines[number]):
                lines[number] = self.text(lines[number])
        return replace(output, text="\n".join(lines))

    def _attributes(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {
            self._inside(key): value if key in _IDS else self.value(key, value) for key, value in attributes.items()
        }

    def _inside(self, value: Any) -> Any:
        """What is left of a value whose key says nothing: texts are searched, containers gone through."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, dict):
            return self._attributes(value)
        if isinstance(value, list):
            return self._list(value)
        return value

    def _list(self, values: list[Any]) -> list[Any]:
        """Also pairs, as headers come, and arguments of commands: ``["--password", "x"]``."""
        if len(values) == 2:
            key = values[0].decode("latin-1") if isinstance(values[0], bytes) else values[0]
            if isinstance(key, str):
                return [self._inside(values[0]), self.value(key, values[1])]
        secret = False
        kept = []
        for value in values:
            kept.append(MARK if secret and isinstance(value, str) else self._inside(value))
            secret = isinstance(value, str) and _OPTION.match(value) is not None and self._named(value) is not None
        return kept


class Unredacted(Redactor):
    """Leaves everything as it is (``OTEL_JOBLOG_REDACT=false``)."""

    def encode(self, record: Journaled) -> bytes:
        return encode(record)

    def record(self, record: R) -> R:
        return record

    def records(self, records: Sequence[Record]) -> list[Record]:
        return list(records)

    def text(self, text: str) -> str:
        return text

    def value(self, key: Any, value: Any) -> Any:  # noqa: ARG002
        return value


def make_redactor(settings: Settings) -> Redactor:
    """The redactor that the settings ask for."""
    if not settings.redact:
        return Unredacted()
    return Redactor(settings.redact_keys, settings.redact_patterns, email_addresses=settings.redact_emails)


def _replaced(text: str, seen: Sight | None, found: list[tuple[int, int]]) -> str:
    pieces = []
    at = 0
    for begin, end in map(seen.span, *zip(*found, strict=True)) if seen else found:
        pieces += [text[at:begin], MARK]
        at = end
    return "".join([*pieces, text[at:]])


def _lowered(text: str) -> str:
    """In small letters, each where it was: ``str.lower`` gives two for some."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
