"""Lines with secrets and without, as real tools write them, and what redaction makes of them.

    python -m tests.redaction.corpus [--all]

``secrets.txt`` has a secret between « and » in each line, ``ordinary.txt`` has none. Both are ours. What a scanner of
secrets might take for a real one is put together here: ``{a36}`` stands for 36 letters and digits, ``{ESC}`` for the
character.
"""

from __future__ import annotations

import argparse
import base64
import random
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Case", "Measured", "cases", "measure", "ordinary"]

_HERE = Path(__file__).parent
_ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "d": string.digits,
    "h": "0123456789abcdef",
    "u": string.ascii_uppercase + string.digits,
}
_CHARACTERS = {
    "ESC": "\x1b", "TAB": "\t", "NBSP": "\u00a0", "NNBSP": "\u202f", "ZWSP": "\u200b", "SHY": "\u00ad",
    "BOM": "\ufeff", "WJ": "\u2060",
}  # fmt: skip
_FILLER = re.compile(rf"\{{(?:(?P<kind>[abdhu])(?P<length>\d+)|(?P<name>{'|'.join(_CHARACTERS)}|JWT))\}}")
_MARKED = re.compile("«([^»]*)»")


class Case(NamedTuple):
    line: str
    expected: str
    secrets: tuple[str, ...]


class Measured(NamedTuple):
    secrets: int
    missed: list[str]
    inexact: list[tuple[str, str]]
    ordinary: int
    harmed: list[tuple[str, str]]

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / self.secrets

    @property
    def precision(self) -> float:
        found = self.secrets - len(self.missed)
        return found / (found + len(self.harmed))


def cases(name: str = "secrets.txt") -> list[Case]:
    lines = _lines(name)
    return [
        Case(_MARKED.sub(r"\1", line), _MARKED.sub("[redacted]", line), tuple(_MARKED.findall(line))) for line in lines
    ]


def ordinary(name: str = "ordinary.txt") -> list[str]:
    return _lines(name)


def measure(redact: Callable[[str], str], secret: list[Case], plain: list[str]) -> Measured:
    redacted = [(case, redact(case.line)) for case in secret]
    missed = [case.line for case, said in redacted if any(_shown(one, said, case.expected) for one in case.secrets)]
    return Measured(
        len(secret),
        missed,
        [(case.line, said) for case, said in redacted if case.line not in missed and said != case.expected],
        len(plain),
        [(line, redact(line)) for line in plain if redact(line) != line],
    )


def _shown(secret: str, said: str, expected: str) -> bool:
    """Whether a secret, or the better part of it, is still there, and not only because it is a word of the rest."""
    pieces = {secret, *(piece for piece in re.split(r"[\s@/,;&'\"]+", secret) if len(piece) > 3)}
    return any(said.count(piece) > expected.count(piece) for piece in pieces)


def _lines(name: str) -> list[str]:
    chance = random.Random(1)
    lines = (_HERE / name).read_text(encoding="utf-8").splitlines()
    return [_composed(line, chance) for line in lines if line and not line.startswith("## ")]


def _composed(line: str, chance: random.Random) -> str:
    def fill(found: re.Match[str]) -> str:
        if found["name"]:
            return _CHARACTERS.get(found["name"]) or _jwt(chance)
        return "".join(chance.choices(_ALPHABETS[found["kind"]], k=int(found["length"])))

    return _FILLER.sub(fill, line)


def _jwt(chance: random.Random) -> str:
    parts = [b'{"alg":"HS256"}', b'{"sub":"bob"}', chance.randbytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def main() -> None:
    from otel_joblog.redaction import Redactor

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="show, too, where more than the secret went")
    asked = parser.parse_args()
    found = measure(Redactor().text, cases(), ordinary())
    for line in found.missed:
        print(f"missed  {line!r}")
    for line, said in found.harmed:
        print(f"harmed  {line!r}\n     -> {said!r}")
    for line, said in found.inexact if asked.all else []:
        print(f"more    {line!r}\n     -> {said!r}")
    exact = 1 - len(found.inexact) / found.secrets
    print(f"{found.secrets} lines with secrets: recall {found.recall:.3f}; nothing else went in {exact:.3f}")
    print(f"{found.ordinary} lines without: {len(found.harmed)} harmed; precision {found.precision:.3f}")


if __name__ == "__main__":
    main()
