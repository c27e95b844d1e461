"""Finds the values that keys name: ``key=value``, ``"key": "value"``, ``--key value``, headers, tables, XML."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .finding import BARE, QUOTED, Finder, Spans
from .keys import Key, Names, judge, words_of
from .search import Search
from .values import LONGEST, harmless, is_secret, looks_random, says_something

__all__ = ["assignments"]

# Where to look for a key that names a secret.
_WORDS = (
    "pass", "pwd", "secret", "token", "credential", "key", "authorization", "cookie", "auth", "sess", "connect.sid",
    "dockerc", "psk",
)  # fmt: skip
_HEADERS = ("authorization", "cookie")
_LONGEST = 64  # characters of a key on either side of its word
_NAME = re.compile(r"[\w.\-]*+", re.ASCII)
_KIND_BEFORE = re.compile(r" (?P<kind>\w{1,20}+)", re.ASCII)  # "API key", read from its end
_NUMBER_AFTER = re.compile(r" [1-9]\d?+(?=[ \t]*:)", re.ASCII)  # Unseal Key 1
_IN_ARN = re.compile(r":\d{12}:\Z")

_VALUE = f"(?:{QUOTED}|{BARE})"
# Between key and value: `=`, `:`, `=>`, `:=`, and what closes the key's own quotes and brackets; in URLs and JSON, too.
_QUOTE = r"""(?:\\{0,4}["'`])?+"""
_SIGN = r"(?:=>|->|:=|==|=|(?P<colon>:(?!:))|%3[aAdD]|\\u003[dD])"
_ASSIGNED = re.compile(
    rf"""{_QUOTE}(?:\]|%5[dD])?+[ \t]*+{_SIGN}(?:\s*+(?=["'])|[ \t]*+){_VALUE}""",
    re.ASCII,
)
_CHANGED = re.compile(rf"""["']?+[ \t]*+->[ \t]*+{QUOTED}""", re.ASCII)  # password = "old" -> "new"
_PLACEHOLDER = re.compile(
    r"(?=[A-Z_]*(?:PASSWORD|PASSWD|TOKEN|SECRET|KEY|FILE|STRING|TEXT))[A-Z_]{1,40}\Z"
)  # of a usage
_BLOCK = re.compile(  # of YAML
    r"""["']?:[ \t]*+[|>][+\-]?[ \t]*+\r?\n(?P<indent>[ \t]++)(?P<block>[^\n]*+(?:\n(?P=indent)[^\n]*+)*+)"""
)
_FOLLOWING = re.compile(rf"""(?:["'],?+)?+[ \t]++(?!-){_VALUE}""", re.ASCII)  # of an option
# {"name": "DB_PASSWORD", "value": "x"}, ParameterKey=Password,ParameterValue=x, <add key="Password" value="x"/>
_BESIDE = re.compile(
    rf"{_QUOTE}[ \t]*+,?[ \t]*+{_QUOTE}(?i:(?:parameter)?value){_QUOTE}[ \t]*+[:=][ \t]*+{_VALUE}", re.ASCII
)
_NEXT = re.compile(
    rf"""(?:[ \t]*+\(|[ \t]++)(?=[nN]?["'])(?:[nN]?'(?P<sql>(?:[^'\r\n\\]|\\.|'')++)'|{QUOTED})""", re.ASCII
)  # PASSWORD '…', PASSWORD('…')
_FOR = re.compile(  # password for bob: …, SET PASSWORD FOR bob = '…'
    rf"""[ ]++(?i:for)(?:[ ]++(?!=)[\w.@%'"`\-]{{1,80}}+){{1,4}}?(?::[ ]++|[ ]*+=[ ]*+(?i:password\()?){_VALUE}""",
    re.ASCII,
)
_SPACED = re.compile(r"""[ ](?P<mixed>(?=[^\s]*[a-z])(?=[^\s]*[A-Z])[\w+/=\-.~]++)(?=\s|["']|\Z)""", re.ASCII)
_IS = re.compile(rf"[ ]++is:?[ ]++{_VALUE}", re.ASCII)
_TAG = re.compile(r"""<(?:\w{1,20}:)?(?:(?:property|entry|setting|string|param|item|env|field)[ ][^<>\r\n]*)?""")
_ELEMENT = re.compile(r"""["']?(?:[ \t][^<>\r\n]{0,200})?>(?:<!\[CDATA\[)?+(?P<element>[^<>\]\r\n]++)(?=</|\]\]>)""")
# A row of a table: the next cell, or, where nothing else is said, the next column.
_BAR = "|│┃║"
_CELL_ONLY = re.compile(rf"[ \t]*+[{_BAR}][ \t]*+(?P<cell>[^\s{_BAR}]++(?:[ \t]++[^\s{_BAR}]++)*+)")
_CELL = re.compile(rf"{_CELL_ONLY.pattern}(?=[ \t]*+(?P<ends>[{_BAR}]?[ \t]*+$)?)", re.MULTILINE)
_COLUMN = re.compile(r"(?:\t[ \t]*+|[ \t]{2,}+)(?P<column>[^\s]++)[ \t]*+$", re.MULTILINE)
_PAIR = re.compile(rf"""["'],[ \t]*+(?=[bBuU]?["']){QUOTED}(?=["'][\])])""", re.ASCII)  # ('password', 'x')
_PAIR_BEGINS = re.compile(r"""\([bBuU]?["']\Z""")

# The value of a header ends with its line, or with the quote that the whole header stands in.
_SCHEME = r"(?i:(?:bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256)[ \t]{1,4}+)?+"
_ONLY_SCHEME = re.compile(rf"\A{_SCHEME}")
_REST = r"""(?P<rest>(?:[^\r\n"'=]|=(?:"[^"\r\n]*+"?+)?+)++)"""
_HEADER = re.compile(
    rf"""(?i:authorization|cookie2?s?){_QUOTE}\]?+[ \t]*+(?:(?::|(?P<equals>=)>?+)[ \t]*+|,[ \t]*+(?=[bBuU]?["']))"""
    f"(?:{QUOTED}|{_SCHEME}(?(equals){BARE}|{_REST}))",
    re.ASCII,
)
_QUOTED = ("quoted", "escaped", "sql")
_FIRST = re.compile(r"[^\s,;]*+")


class _Place(NamedTuple):
    """A key in a text."""

    text: str
    begin: int
    end: int
    key: Key

    @property
    def said(self) -> str:
        return self.text[self.begin : self.end]


def assignments(own: tuple[str, ...] = ()) -> Finder:
    words = _words(own)
    named = judge(own)

    def find(text: str, lowered: str) -> Spans:
        done = 0
        for word in words(lowered):
            if word[0] < done:
                continue
            if lowered.startswith(_HEADERS, word[0]):
                found = _header(text, word[0])
                if found:
                    yield found
                    done = found[1]
                    continue
            place = _place(text, *word, named, done)
            if isinstance(place, int):
                done = place
                continue
            for begin, end in _values(place):
                yield begin, end
                done = end
            done = max(done, place.end)

    return find


def _words(own: tuple[str, ...]) -> Callable[[str], Iterable[tuple[int, int]]]:
    """Finds where a key may be, in small letters."""
    if own:
        expression = re.compile("|".join([words_of(own), *map(re.escape, _WORDS)]))
        return lambda lowered: [word.span() for word in expression.finditer(lowered)]
    return lambda lowered: [
        (begin, end) for _, begin, end in _search().find(lowered.encode("latin-1", "replace"))
    ]  # a byte a character


@functools.cache
def _search() -> Search:
    return Search(_WORDS)


def _header(text: str, at: int) -> tuple[int, int] | None:
    found = _HEADER.match(text, at)
    if found is None or found.lastgroup is None or not found[found.lastgroup]:
        return None
    if len(found[found.lastgroup]) > LONGEST:
        return found.span(found.lastgroup)
    value = _ONLY_SCHEME.sub("", found[found.lastgroup])
    first = _FIRST.match(value)
    if not value or harmless(value) or (found.lastgroup == "rest" and first and says_something(first[0])):
        return None
    return found.span(found.lastgroup)


def _place(text: str, at: int, end: int, named: Callable[[str], Key | None], done: int) -> _Place | int:
    """The whole key around a word of it; where to go on, if it names no secret."""
    begin = at - _name(text[max(done, at - _LONGEST) : at][::-1])
    end = _NAME.match(text, end, end + _LONGEST).end()  # type: ignore[union-attr]  # it matches nothing, too
    said = text[begin:end]
    if begin == at > done and said[:3].lower() == "key":
        kind = _KIND_BEFORE.match(text[max(done, begin - 21) : begin][::-1])
        begin -= len(kind[0]) if kind else 0
        said = text[begin:end]
    key = named(said)
    if key is None or _IN_ARN.search(text, begin - 14 if begin > 14 else 0, begin):
        return end
    if text[max(0, begin - 11) : begin].lower() == "unexpected ":
        return end
    number = _NUMBER_AFTER.match(text, end)
    return _Place(text, begin, number.end() if number else end, key)


def _name(backwards: str) -> int:
    found = _NAME.match(backwards)
    return found.end() if found else 0


def _values(place: _Place) -> Spans:
    """Where the secrets are that a key names."""
    for form in _FORMS:
        found = form(place)
        if found is not None:
            yield from _secrets(place.key, found)
            changed = _CHANGED.match(place.text, found.end())
            if changed:
                yield from _secrets(place.key, changed)
            return


def _secrets(key: Key, found: re.Match[str]) -> Spans:
    group = found.lastgroup
    if group and found[group] and is_secret(key, found[group], quoted=group in _QUOTED):
        yield found.span(group)


def _assigned(place: _Place) -> re.Match[str] | None:
    found = _ASSIGNED.match(place.text, place.end)
    if found is None or found.lastgroup is None:
        return None
    value = found[found.lastgroup]
    if found["colon"] and found.lastgroup == "bare" and len(value) <= LONGEST:
        if value[:1] in "|>":
            return _BLOCK.match(place.text, place.end)
        if says_something(value) or (place.said.lower() == "pass" and not looks_random(value, 6)):
            return None
    return found


def _beside(place: _Place) -> re.Match[str] | None:
    return _BESIDE.match(place.text, place.end)


def _option(place: _Place) -> re.Match[str] | None:
    found = _FOLLOWING.match(place.text, place.end) if place.said.startswith("-") else None
    return None if found and found.lastgroup and _PLACEHOLDER.match(found[found.lastgroup]) else found


def _element(place: _Place) -> re.Match[str] | None:
    opened = place.text.rfind("<", max(0, place.begin - 80), place.begin)
    if opened < 0 or not _TAG.fullmatch(place.text, opened, place.begin):
        return None
    return _ELEMENT.match(place.text, place.end)


def _quoted_next(place: _Place) -> re.Match[str] | None:
    return _NEXT.match(place.text, place.end) if place.key.password or place.said == "SECRET" else None


def _for_somebody(place: _Place) -> re.Match[str] | None:
    return _FOR.match(place.text, place.end) if place.key.password else None


def _told(place: _Place) -> re.Match[str] | None:
    found = _IS.match(place.text, place.end)
    if found and found.lastgroup and looks_random(found[found.lastgroup]):
        return found
    found = _SPACED.match(place.text, place.end) if place.key.names is Names.SECRET else None
    return found if found and looks_random(found["mixed"], 20) else None


def _pair(place: _Place) -> re.Match[str] | None:
    if not _PAIR_BEGINS.search(place.text, max(0, place.begin - 3), place.begin):
        return None
    return _PAIR.match(place.text, place.end)


def _cell(place: _Place) -> re.Match[str] | None:
    found = _CELL.match(place.text, place.end)
    if found is None:
        return None
    alone = found["ends"] is not None and _leads(place)
    return _CELL_ONLY.match(place.text, place.end) if alone or looks_random(found["cell"]) else None


def _column(place: _Place) -> re.Match[str] | None:
    return _COLUMN.match(place.text, place.end) if _leads(place) else None


_FORMS = (
    _assigned, _beside, _option, _element, _quoted_next, _for_somebody, _told, _pair, _cell, _column,
)  # fmt: skip


def _leads(place: _Place) -> bool:
    """Whether its line begins with the key, but for blanks and what tables are drawn with."""
    before = place.text[max(0, place.begin - 80) : place.begin]
    line = before[max(before.rfind("\n"), before.rfind("\r")) + 1 :]
    return len(line) < 80 and not line.strip(f" \t*\"'`{_BAR}")
