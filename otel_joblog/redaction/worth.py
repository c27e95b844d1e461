"""What a glance searches for, and whether a place where it found that is worth the redactor's searches.

``api_key`` is, ``key`` alone is not: most of what a glance finds is told from secrets here, at the price of a look at
the letters around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .keys import KINDS_OF_KEYS
from .tokens import small_prefixes, token_expressions

__all__ = ["CARDS", "DIGITS", "GROUPS", "WORDS", "Check", "checks", "keyed_checks"]

Check = Callable[[str, int], object]  # of a text and a place in it, whether it is worth it there

# All texts with these are. In small letters, with 0 for any digit, as all that is searched for.
SURE = (
    "pass", "secret", "credential", "bearer", "token", "cookie", "pwd", "psk", "connect.sid", "dockerc", "sig=", "sig%",
    "sig\\u", "signature", "?code=", "&code=", ";code=", "appid=", "hook", "telegram", "oracle:thin:", "@tcp(",
    "@unix(", "identified", "mysql", "mongo", "mariadb", "curl", "docker login", "podman login", "registry login",
    "az login", "redis-cli", "valkey-cli", "ldap", "sqlplus", "0q~", "--creds",
)  # fmt: skip
# Cards, in the shapes of digits and of what parts their groups:
GROUPS = "0000 0000"
DIGITS = "0" * 14
CARDS = (GROUPS, GROUPS.replace(" ", "-"), DIGITS)

_after_auth = re.compile(r"(?i:orization)|(?:\W{0,9}[=:|\t,>%\\]|  | (?i:plain|login)|[ ][^\s:]{1,128}:\S)").match
_session = re.compile(r"(?i:sess(?:ion)?id|session(?:\W{0,9}[=:|\t,>%\\]|  ))").match
_mailgun = re.compile(r"(?i:key)-[0-9a-f]{32}").match
_basic = re.compile(r"(?i:basic)[ \t]+\S{16}").match
_named_session = re.compile(r"(?i:sess(?:ion)?id|session(?![a-z ]))").match
_NO_LOGIN = frozenset("eEnNsSu")  # but authentication, authors
_like_a_token = re.compile(r"[\w\-.+/=]{18}|FlyV1 ", re.ASCII).match


def _key(text: str, at: int) -> bool:
    before = text[max(0, at - 15) : at].lower()
    return (
        before.rstrip("_. -").endswith(KINDS_OF_KEYS)
        or before.endswith(("?", "&", ";", "/with/"))
        or _mailgun(text, at) is not None
    )


def _auth(text: str, at: int) -> bool:
    return text[at + 4 : at + 5] not in _NO_LOGIN and _after_auth(text, at + 4) is not None


def _url(text: str, at: int) -> bool:  # noqa: ARG001
    return "://" in text


DOUBTS: dict[str, Check] = {"key": _key, "auth": _auth, "sess": _session, "basic": _basic, "@": _url}
WORDS = (*SURE, *(word for word in DOUBTS if word != "@"))


def _alone(prefix: str) -> bool:
    """Whether no word is in it, which finds it, too."""
    return not any(word in prefix for word in ("secret", "token", "pass"))


def checks() -> dict[str, Check | None]:
    """What is searched for in a line, and what more is to be asked where it is found."""
    tokens = zip(small_prefixes(), (expression.match for expression in token_expressions()), strict=True)
    return {
        **dict.fromkeys((*SURE, *CARDS)),
        **DOUBTS,
        **{prefix: is_one for prefix, is_one in tokens if _alone(prefix)},
    }


def keyed_checks() -> dict[str, Check | None]:
    """The same in an encoded record whose attributes have names."""
    return {
        **dict.fromkeys((*SURE, *CARDS, "auth", "dsn", "connection")),
        "key": _key, "sess": _named_session, "basic": _basic, "@": _url,
        **dict.fromkeys(filter(_alone, small_prefixes()), _like_a_token),
    }  # fmt: skip
