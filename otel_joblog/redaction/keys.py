"""Which keys name a secret: ``db_password``, ``X-Api-Key``, ``clientSecret``; not ``token_count``, ``nextToken``."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from .finding import listed

__all__ = ["KINDS_OF_KEYS", "Key", "Names", "judge", "judge_of_attributes", "words_of"]

# "key" names a secret behind one of these.
KINDS_OF_KEYS = (
    "access", "account", "activation", "admin", "aes", "anthropic", "api", "app", "application", "auth", "client",
    "consumer", "cookie", "crypt", "crypto", "csrf", "decryption", "deploy", "ecdsa", "ed25519", "encrypt",
    "encryption", "fernet", "function", "functions", "hmac", "jwt", "license", "mailgun", "master", "openai",
    "private", "recovery", "root", "rsa", "secret", "sendgrid", "session", "shared", "signature", "signing", "ssh",
    "ssl", "stripe", "subscription", "tls", "twilio", "unseal", "webhook",
)  # fmt: skip
_KIND = frozenset(KINDS_OF_KEYS)
_SECRET = re.compile(
    rf"(?:passw(?:or[dt]|d)|passphrase|passcode|pwd|secret|token|credential|dockerconfigjson|dockercfg|psk|(?:{'|'.join(KINDS_OF_KEYS)})key)s?\Z"
)
# Cookies of web frameworks by which whoever holds them is logged in.
_COOKIE = re.compile(r"sess(?:ion)?id\Z|connect\.sid\Z")
_SESSION = re.compile(r"(?:^|_)session\Z")
_PASS = re.compile(
    r"(?:|db|my|pg|smtp|mail|ftp|ssh|user|admin|root|proxy|redis|mysql|rabbitmq|require|store|key|http|ldap|auth)pass(?:in|out)?\Z"
)

# A key that ends in one of these says something of the secret.
_ABOUT = listed(
    """
    about accessor age alg algorithm alias arn at attempts audience authentication bak bucket budget cer cfg
    change changed changes charset class column conf count created crt csv date days description digits dir
    directory disabled duration enabled encoding endpoint error errors exists expired expires expiry field
    fields file filename fingerprint flow folder format go grant header hint html id ids index ini interval
    issuer java js json kind label labels length lifetime limit location lock log max maximum md min minimum
    missing mode name names offset owner param parameter path paths pattern period php plugin policies policy
    position prefix present prompt protected provider pub py rb ref reference refs regex renewable required
    reset retries role rotated rotation rs rule rules scheme scope scopes score sh size source sql state stats
    status stdin strength suffix tf thumbprint time timeout title toml ts ttl txt type types updated uri url
    usage used username valid validity variable version versions window xml yaml yml
    """
)
# Or of what deals with secrets, if the value looks like none.
_AGENT = listed(
    """
    backend cache client controller events form handler host job jobs manager message middleware page pool queue
    server service set store task tasks test tests user users view
    """
)
_AGENTIVE = re.compile(r"(?!master)[a-z]{3,}[eo]rs?\Z")
# … unless this comes last.
_ITSELF = listed(
    """
    b64 base64 content contents data string text value
    """
)
# Tokens that mark a page, a text's end or a request.
_NO_TOKEN = listed(
    """
    bos cancel cancellation cls concurrency continuation continue cursor end eos idempotency mask next pad page
    pagination paging resume sep skip special start starting stop sync unexpected unk
    """
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", re.ASCII)
_NO_PASS = listed(
    """
    all backward by com dry each every final first forward last multi next one per render second shader single
    test tests third two
    """
)


class Names(Enum):
    """What a key names."""

    SECRET = "a secret, whatever it is"  # noqa: S105
    COUNTED = "secrets, or how many"
    AGENT = "a secret, or what deals with them"
    PASS = "a secret, or what went well"  # noqa: S105
    AUTH = "a login, or how to log in"
    COOKIE = "the cookie of a session, or its number"
    SESSION = "the same, or what goes on"


_OTHERS = ((_COOKIE, Names.COOKIE), (_SESSION, Names.SESSION), (re.compile(r"(?<![a-z])auth\Z"), Names.AUTH))


class Key(NamedTuple):
    names: Names
    password: bool  # whether it ends with a password's own word


def words_of(own: tuple[str, ...], hyphen: str = "-") -> str:
    """The user's own words for such keys, as an expression: ``customer_no`` is also ``customer-no`` and ``customerNo``.

    It matches small letters; ``hyphen`` is what stands for hyphens in the text.
    """
    parts = [re.split(r"[_. \-]+", word.lower().strip("_. -")) for word in own]
    return "|".join(f"[_. {hyphen}]?".join(map(re.escape, words)) for words in parts)


def judge(own: tuple[str, ...] = ()) -> Callable[[str], Key | None]:
    """Tells what a key names; None where that is no secret."""
    own_key = re.compile(rf"(?i:{words_of(own)})(?:[sS](?![A-Za-z]))?+(?![a-z])", re.ASCII) if own else None

    @functools.lru_cache(maxsize=4096)
    def key(said: str) -> Key | None:
        if own_key is not None and own_key.search(said):
            return Key(Names.SECRET, False)
        return _key(said)

    return key


def _key(said: str) -> Key | None:
    words = _words(said)
    for place in range(len(words) - 1, -1, -1):
        if _is_secret(words, place):
            return _secret(said, words, place)
    for expression, names in _OTHERS:
        if expression.search(said.lower()):
            return Key(names, False)
    passes = bool(words) and _PASS.match(words[-1]) and _NO_PASS.isdisjoint(words[-2:-1])
    return Key(Names.PASS, False) if passes else None


def _is_secret(words: list[str], place: int) -> bool:
    word = words[place]
    if word in {"key", "keys"}:
        return place > 0 and words[place - 1] in _KIND
    return _SECRET.search(word) is not None


def _secret(said: str, words: list[str], place: int) -> Key | None:
    word, after = words[place], words[place + 1 :]
    if place and word.startswith("token") and words[place - 1] in _NO_TOKEN:
        return None
    if place and word == "secrets" and words[place - 1] == "pull":
        return None
    if after and after[-1] not in _ITSELF:
        # Vault's secret_id is one, SecretId is the name of a secret in AWS.
        if not _ABOUT.isdisjoint(after) and not ("secret_id" in said.lower() and after == ["id"]):
            return None
        if (after[-1] in _AGENT or _AGENTIVE.match(after[-1])) and not said.isupper():
            return Key(Names.AGENT, False)
    counted = word.endswith("s") and not after
    return Key(Names.COUNTED if counted else Names.SECRET, word.rstrip("s").endswith(("word", "wort", "wd", "phrase")))


_WHOLE = re.compile(r"authorization|cookie|dsn(?![a-z])|connection[_. -]?string|auth\Z")


def judge_of_attributes(own: tuple[str, ...] = ()) -> Callable[[str], Key | None]:
    """The same for names of attributes, whose values are structured: there, headers and DSNs are secrets whole."""
    named = judge(own)

    @functools.lru_cache(maxsize=4096)
    def key(said: str) -> Key | None:
        if (match := _WHOLE.search(said.lower())) and _ABOUT.isdisjoint(_words(said[match.end() :])):
            return Key(Names.SECRET, False)
        return named(said)

    return key


def _words(said: str) -> list[str]:
    return [part.lower() for part in _PARTS.findall(said)]
