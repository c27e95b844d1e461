"""Rules that tell runs among the spans of any language, for those that do not say ``joblog.kind`` themselves.

Rules are TOML: ``rules.toml`` beside this module, and before it the user's own. A rule looks at the span alone, so that
whatever order spans come in, the same ones are runs.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..conventions import Attribute
from ..errors import ConfigError

__all__ = ["Rule", "Rules"]

Kind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
_KINDS: tuple[Kind, ...] = (
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
)  # as OTLP counts them
_VARIABLE = "OTEL_JOBLOG_INGEST_RULES"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A span fits when all that is given fits. Texts are patterns with ``*`` and ``?``; of several, one has to fit."""

    name: str
    kinds: tuple[Kind, ...] = _KINDS
    root: bool = False  # only spans without a parent
    spans: tuple[str, ...] = ()  # names
    services: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    attributes: dict[str, str | tuple[str, ...]] = {}
    without: tuple[str, ...] = ()  # attributes that the span must not have
    # What the run then is.
    type: str = ""
    trigger: str = ""
    job: tuple[str, ...] = ()  # attributes of the span or its resource: the first there is; else the span's name
    reference: tuple[str, ...] = ()
    schedule: tuple[str, ...] = ()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    run: tuple[Rule, ...] = ()
    builtin: bool = True  # whether the built-in rules follow


class Rules:
    """Rules in their order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        compiled = [_Compiled(rule) for rule in rules]
        self._by_kind = [[one for one in compiled if kind in one.rule.kinds] for kind in _KINDS]

    @classmethod
    def default(cls) -> Rules:
        """The built-in rules."""
        return cls(_read(files(__package__).joinpath("rules.toml").read_text(), "rules.toml").run)

    @classmethod
    def of(cls, path: Path | None) -> Rules:
        """The rules of a file, then the built-in ones unless it says ``builtin = false``.

        Raises :class:`ConfigError` where the file cannot be used.
        """
        if path is None:
            return cls.default()
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{_VARIABLE}={str(path)!r} cannot be read: {error}") from error
        own = _read(text, str(path))
        return cls([*own.run, *(cls.default().rules if own.builtin else ())])

    def recognise(
        self, span: Any, root: bool, scope: str, resource: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What a span that is a run says by the first rule that fits, as ``joblog.*`` attributes; None for no run.

        ``span`` has OTLP's ``name`` and ``kind``.
        """
        kind = span.kind or 0
        for rule in self._by_kind[kind if 0 <= kind < len(_KINDS) else 0]:
            if rule.fits(span.name or "", root, scope, resource, attributes):
                return rule.told(resource, attributes)
        return None


class _Compiled:
    """A rule with its patterns as regular expressions."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._attributes = [(key, _pattern(said)) for key, said in rule.attributes.items()]
        self._spans, self._services, self._scopes = map(_pattern, (rule.spans, rule.services, rule.scopes))
        self._said = {Attribute.JOB_TYPE: rule.type, Attribute.TRIGGER: rule.trigger}
        self._taken = {
            Attribute.JOB_NAME: rule.job,
            Attribute.REFERENCE: rule.reference,
            Attribute.SCHEDULE: rule.schedule,
        }

    def fits(
        self, name: str, root: bool, scope: str, resource: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> bool:
        for key, pattern in self._attributes:
            if key not in attributes or (pattern and not pattern.match(str(attributes[key]))):
                return False
        return (
            (root or not self.rule.root)
            and (self._scopes is None or self._scopes.match(scope) is not None)
            and (self._spans is None or self._spans.match(name) is not None)
            and (
                self._services is None
                or self._services.match(str(resource.get(Attribute.SERVICE_NAME, ""))) is not None
            )
            and not any(key in attributes for key in self.rule.without)
        )

    def told(self, resource: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
        told = {key: said for key, said in self._said.items() if said}
        for key, names in self._taken.items():
            for name in names:
                value = attributes.get(name, resource.get(name))
                if value not in (None, ""):
                    told[key] = str(value)
                    break
        return told


def _pattern(said: str | Sequence[str]) -> re.Pattern[str] | None:
    """The patterns as one expression; None where anything fits."""
    patterns = [said] if isinstance(said, str) else list(said)
    if not patterns or "*" in patterns:
        return None
    return re.compile("|".join(map(fnmatch.translate, patterns)))


def _read(text: str, where: str) -> _File:
    try:
        return msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{_VARIABLE}: {where} cannot be used: {error}") from error
