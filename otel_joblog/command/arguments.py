"""What is kept of a command's arguments: their names, without what looks like a password.

Redaction finds what a key names (``--token=…``, ``PGPASSWORD=…``) or what has looks of its own. This is about the short
options of programs, whose meaning is their own: ``mysqldump -phunter2``, ``curl -u joe:word``, ``sqlcmd -P word``. They
are looked for in the command and in what a shell or another host is given to run as one text.
"""

from __future__ import annotations

import re

from ..redaction.finding import MARK
from .programs import ATTACHED, CREDENTIALS, NAMED, NO_PASSWORD, RUNNERS, SECRETS, SLASHED, USERS, WORDS_WITH_P

__all__ = ["without_secrets"]

_DEEPEST = 6  # of texts in quotes within texts in quotes
_LONG = re.compile(r"(?P<head>--?(?P<name>[A-Za-z][\w.\-]{1,60}))(?P<equals>=(?P<value>.*))?", re.DOTALL)
_SECRET_NAME = re.compile(
    r"(?:.*[_.\-])?(?:(?:\w*(?:pass(?:word|wd|phrase|code)|passin|passout|storepass|keypass))|pass|pw|pwd|secret|token|auth"
    r"|(?:api|access|secret|account|master|private|shared)[_\-]?key|credentials?)",
    re.IGNORECASE,
)
_USER_NAME = re.compile(r"(?:.*-)?(?:user|login|userpass|userpwd|auth-user)", re.IGNORECASE)
_VARIABLE = re.compile(r"""["']?\$(?:\w+|\{[^}]*\})["']?""")
_PORTS = re.compile(r"[\d.:,/\-]*(?:/(?:tcp|udp))?")
_AT_HOST = re.compile(r"[^\s:/@=]+:(?P<password>[^\s/@][^\s@]*)@(?!sha256:)[\w.\-]+\S*")
_ASSIGNED = re.compile(r"\w*(?:AUTH|PASS|_PW)=(?P<value>.+)", re.DOTALL)
_WORD = re.compile(
    r"""(?P<end>[|&;()`\n]+)|(?:[^\s'"|&;()`\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*"|\\)+|['"]""", re.DOTALL | re.ASCII
)


def without_secrets(command: list[str]) -> list[str]:
    """The words of a command, with :data:`MARK` for what looks like a secret."""
    return _Words(0).all(command)


class _Words:
    """One simple command, word by word."""

    def __init__(self, depth: int, program: str = "") -> None:
        self._depth = depth
        self._program = program
        self._awaited = ""  # what the next word is: "secret", or what stands between user and password

    def all(self, words: list[str]) -> list[str]:
        kept = [self.next(word) for word in words]
        if self._program == "htpasswd" and any(re.fullmatch(r"-\w*b\w*", word) for word in words):
            kept[-1] = MARK
        return kept

    def text(self, text: str) -> str:
        """What is given to a shell."""
        pieces, at = [], 0
        for found in _WORD.finditer(text):
            pieces.append(text[at : found.start()])
            at = found.end()
            if found["end"]:
                self._program = self._awaited = ""
                pieces.append(found[0])
            else:
                pieces.append(self.next(found[0]))
        return "".join([*pieces, text[at:]])

    def next(self, word: str) -> str:
        """The word without its secret."""
        awaited, self._awaited = self._awaited, ""
        if awaited and not word.startswith("-"):
            return self._value(awaited, word, attached=False)
        if word.startswith("-") and len(word) > 1:
            return self._option(word)
        if any(map(str.isspace, word)):
            return self._quoted(word)
        return self._positional(word)

    def _quoted(self, word: str) -> str:
        if self._depth >= _DEEPEST:
            return word
        inner = _Words(self._depth + 1, self._program)
        quote = word[0] if word[0] in "'\"" and word[-1:] == word[0] and len(word) > 1 else ""
        return quote + inner.text(word[len(quote) : len(word) - len(quote)]) + quote

    def _positional(self, word: str) -> str:
        bare = word.strip("'\"")
        name = bare.rpartition("/")[2]
        if bare.lower() in NAMED.get(self._program, ()):
            self._awaited = "secret"
        elif "=" not in bare and (not self._program or self._program in RUNNERS or _is_known(name)):
            self._program = name
        elif self._program in SLASHED and (found := re.fullmatch(r"(?:userid=)?[^/\s]+/([^@\s]+)(?:@.*)?", bare)):
            return word.replace(found[1], MARK, 1)
        elif self._program.endswith("freerdp") and word.startswith("/p:"):
            return f"/p:{MARK}"
        for pattern in (_AT_HOST, _ASSIGNED):
            if found := pattern.fullmatch(bare):
                return word.replace(found[1], MARK, 1)
        return word

    def _option(self, word: str) -> str:
        long = _LONG.fullmatch(word)
        if long and (word.startswith("--") or self._is_long(long["name"])):
            return self._long(word, long)
        if word.startswith("-hp") and self._program in {"rar", "unrar"}:
            return f"-hp{MARK}"
        letter, value = word[1], word[2:]
        kind = self._kind(letter)
        if not kind:
            # Of letters together the last may have a value: curl -sSu joe:word
            if value.isalpha() and len(value) < 6 and (last := self._kind(value[-1])) and value[-1] != "p":
                self._awaited = last
            return word
        if not value:
            self._awaited = "" if self._only_attached() and letter == "p" else kind
            return word
        return word[:2] + self._value(kind, value)

    def _is_long(self, name: str) -> bool:
        """Whether a single hyphen is followed by a whole word: ``-storepass``, ``-print``."""
        return bool(_SECRET_NAME.fullmatch(name)) or name in WORDS_WITH_P

    def _long(self, word: str, long: re.Match[str]) -> str:
        name = long["name"]
        kind = "secret" if _SECRET_NAME.fullmatch(name) else ":" if _USER_NAME.fullmatch(name) else ""
        if not kind:
            return word
        if long["equals"] is None:
            self._awaited = kind
            return word
        return f"{long['head']}={self._value(kind, long['value'])}"

    def _kind(self, letter: str) -> str:
        """What the value of ``-x`` is; empty where it is nothing to hide."""
        known = SECRETS.get(self._program, "")
        if letter in known or (letter == "p" and self._only_attached()):
            return "secret"
        if letter in CREDENTIALS.get(self._program, ""):
            return ":"
        if letter in "uU":
            return USERS.get(self._program, ":")
        if letter == "p" and not known and self._program not in NO_PASSWORD:
            return "unless a port"
        return ""

    def _only_attached(self) -> bool:
        """``mysql -p shop`` asks for a password: ``shop`` is none."""
        return self._program.startswith(ATTACHED)

    def _value(self, kind: str, value: str, *, attached: bool = True) -> str:
        if not value or _VARIABLE.fullmatch(value):
            return value
        if kind == "secret":
            return MARK
        if kind == "unless a port":
            return value if _PORTS.fullmatch(value) else MARK
        user, between, password = value.partition(kind)
        if not password or (user.isdecimal() and password.isdecimal()):
            return value if attached else self._positional(value)
        return f"{user}{between}{MARK}"


def _is_known(program: str) -> bool:
    return (
        program in SECRETS
        or program in USERS
        or program in CREDENTIALS
        or program in NAMED
        or program in SLASHED
        or program in NO_PASSWORD
        or program.startswith(ATTACHED)
    )
