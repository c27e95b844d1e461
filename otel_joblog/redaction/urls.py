"""Secrets in addresses: passwords, signatures, and what makes an address a secret itself."""

from __future__ import annotations

import re

from .finding import Finder, Spans, expression
from .values import stands_for

__all__ = ["passwords", "searches_in_urls"]

_REST = re.compile(r"""[^\s"'<>\\\x00-\x1f]*+""")
_SCHEME = re.compile(r"[A-Za-z0-9+.\-]{1,40}+")  # read from its end
_PORT = re.compile(r"\d{1,5}(?:[/?#]|\Z)")
_HOST = re.compile(
    r"(?:[A-Za-z0-9\-_]{1,63}\.){1,20}[A-Za-z0-9\-]{1,63}(?=[:/?#,]|\Z)|localhost\b"
    r"|[A-Za-z0-9\-_.]{1,80}:\d{1,5}(?=[/?#,]|\Z)|\[[0-9A-Fa-f:.]{2,45}\]"
)
_TOKEN = re.compile(r"[\w.~%\-]{20,256}\Z", re.ASCII)
# In the path of such an address "@" is at home; in that of a database it is not.
_WEB = re.compile(r"(?:https?|wss?|ssh|git|git\+[a-z]+|s?ftps?|file|s3|gs)\Z", re.IGNORECASE)
_PATH = re.compile(r"[/?#]")
_QUERY = re.compile(r"\?[\w.\-]{1,60}=")


def passwords(text: str, lowered: str) -> Spans:  # noqa: ARG001
    """``scheme://user:password@host``, also where the password holds ``@`` and ``/``, which it should not."""
    if "@" not in text:
        return
    at = text.find("://")
    while at >= 0:
        begin, at = at + 3, text.find("://", at + 3)
        end = _REST.match(text, begin, at if at >= 0 else len(text)).end()  # type: ignore[union-attr]
        if end == at:  # another address begins in the same breath
            end -= _scheme(text, end)
        scheme = text[begin - 3 - _scheme(text, begin - 3) : begin - 3]
        found = _login(text[begin:end], web=_WEB.match(scheme) is not None) if scheme else None
        if found is not None:
            yield begin + found[0], begin + found[1]


def _scheme(text: str, end: int) -> int:
    found = _SCHEME.match(text[max(0, end - 40) : end][::-1])
    return found.end() if found else 0


def _login(address: str, *, web: bool) -> tuple[int, int] | None:
    """Where the password, or the token alone, is in what follows ``://``."""
    end = _at_sign(address, web=web)
    if end < 0:
        return None
    begin = address.find(":", 0, end) + 1
    if not begin and not _TOKEN.match(address[:end]):
        return None
    return None if begin == end or stands_for(address[begin:end]) else (begin, end)


def _at_sign(address: str, *, web: bool) -> int:
    """The "@" behind the password; -1 where there is none."""
    last = address.rfind("@")
    if web and not _HOST.match(address, last + 1):
        last = -1
    path = _PATH.search(address)
    inner = address.rfind("@", 0, path.start()) if path else last
    if inner >= 0 and (inner == last or last < 0 or (web and _HOST.match(address, inner + 1))):
        return inner
    if inner < 0 and _has_no_password(address):
        return -1
    query = None if web else _QUERY.search(address)
    before = address.rfind("@", 0, query.start()) if query else -1
    return before if before >= 0 else last


def _has_no_password(address: str) -> bool:
    """Whether what stands before the path is a host, with a port or without."""
    path = _PATH.search(address)
    colon = address.find(":", 0, path.start() if path else len(address))
    return colon < 0 or _PORT.match(address, colon + 1) is not None


def searches_in_urls() -> tuple[Finder, ...]:
    return passwords, _oracle, _go, _signatures, _keys, _webhooks


_oracle = expression(r"oracle:thin:[^\s/@:]{1,128}+/(?P<password>[^\s@]{1,128}+)(?=@)", "oracle:thin:")
_go = expression(  # a DSN of Go's for MySQL
    r"(?<![\w.\-])[\w.\-]{1,64}+:(?P<password>[^\s\"'()]{1,128}?)(?=@(?:tcp|unix)\()", "@tcp(", "@unix("
)
_signatures = expression(
    r"""(?:(?<![\w.\-])(?i:x-(?:amz|goog|oss|ms)-signature|oauth_signature|sig)|(?:[?&;]|\\u0026|%26)(?i:signature))(?:=|%3[dD]|\\u003[dD])
    ["']?(?P<signature>[\w%+/.~=\-]{16,2048}+)""",
    "sig",
)
_keys = expression(
    r"""[?&;](?:key|code|appid)=(?=[^\s&]{0,200}?[0-9])(?=[^\s&]{0,200}?[A-Za-z])(?P<key>[\w%+~=\-]{20,512}+)(?![/.:])""",
    "?key=", "&key=", ";key=", "?code=", "&code=", ";code=", "?appid=", "&appid=", ";appid=",
)  # fmt: skip
_webhooks = expression(
    r"""(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{1,30}
    |webhook\.office\.com/webhookb2|outlook\.office\.com/webhook|hooks\.zapier\.com/hooks/catch
    |hook\.[a-z0-9.]{1,20}\.make\.com|//[\w.\-]{1,100}/hooks(?=/[a-z0-9]{26}(?![a-z0-9]))
    |api\.telegram\.org/(?:file/)?bot(?=\d)|maker\.ifttt\.com/trigger/\w{1,80}/(?:json/)?with/key)
    (?P<address>(?:/|(?<=/bot))[\w\-/@:%.]{8,512}+)""",
    "hook", "telegram", "/with/key",
)  # fmt: skip
