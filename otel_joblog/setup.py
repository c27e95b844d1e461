"""The composition root: settings, process identity, provider, journal, shipper and exporters of this process.

``runtime()`` puts them together on first use; a forked child puts together its own. Importing this module costs
nothing: OpenTelemetry's SDK, msgspec and the rest are imported when the first job starts.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

from .diagnostics import report
from .errors import ConfigError
from .interruption import foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from opentelemetry.trace import Tracer

    from .config import Settings
    from .export.metrics import Watched
    from .journal.delivery import Sink
    from .journal.journal import Journal
    from .journal.shipper import Shipper
    from .provider import Provider
    from .records import Process, Record
    from .redaction import Redactor

__all__ = ["Runtime", "configure", "flush", "runtime", "shutdown"]


SCOPE = "otel_joblog"  # the instrumentation scope of runs and steps


class Runtime:
    """What one process has. Made by :func:`runtime` or :func:`configure`."""

    def __init__(self, settings: Settings) -> None:
        from .journal.journal import Journal
        from .journal.room import Room
        from .journal.shipper import Shipper
        from .provider import find_or_make_provider
        from .redaction import make_redactor

        self.settings = settings
        self.pid = os.getpid()
        self.redactor: Redactor = make_redactor(settings)
        self.provider: Provider = find_or_make_provider(_emit_here, SCOPE)
        self.tracer: Tracer = self.provider.tracer
        self.process: Process = self.redactor.record(describe_process(self.provider.resource))
        sinks = make_sinks(settings, otlp_by_default=self.provider.unwatched)
        names = [sink.name for sink in sinks]
        self.room = Room.of(settings, names)
        self.journal: Journal = Journal(
            settings.journal_dir,
            self.process,
            names,
            self.room,
            settings.fsync,
            self.redactor.encode,
        )
        self.shipper: Shipper = Shipper(self.journal, sinks)

    def emit(self, record: Record) -> None:
        """Append a record, without secrets, to the journal and see that it gets shipped."""
        self.journal.append(self.redactor.encode(record))
        if not self.shipper.started and not _exited:
            self.shipper.start()

    def emit_once(self, record: Record) -> None:
        """The same for one that an earlier attempt, which was interrupted, may have appended."""
        if not self.journal.holds(self.redactor.encode(record)):
            self.emit(record)

    def close_open(self) -> None:
        """End what is open as ``lost``, because its process ends."""
        from .journal.closing import OpenSpans
        from .journal.crash import Verdict

        spans = OpenSpans()
        spans.see(start() for start in list(self.journal.open.values()))
        for ended in spans.closing(Verdict("the process ended while this was still running", time.time_ns())):
            self.journal.open.pop(ended.span_id, None)
            self.emit(ended)

    def shutdown(self, timeout: float) -> bool:
        done = self.shipper.shutdown(timeout)
        if done:
            self.journal.remove()
        else:
            self.journal.spill(ending=True)
            if self.journal.in_memory:
                report(
                    "lost",
                    "what neither the disk (%s) nor a destination took is lost",
                    self.journal.trouble,
                )
            self.journal.close()
        return done


def _emit_here(record: Record) -> None:
    """What the span processor is given: in a forked child the record belongs to the child's own runtime."""
    runtime().emit(record)


_runtime: Runtime | None = None
_inherited: Settings | None = None  # in a forked child: the parent's settings
_forked = False
_exited = False  # Python's end has come
before_end: list[Callable[[], None]] = []  # what is called before what is open is ended, as its process ends
_lock = threading.RLock()


def runtime() -> Runtime:
    """This process's runtime, configured from the environment unless :func:`configure` came before."""
    current = _runtime
    if current is not None:
        return current
    with _lock:
        return _runtime or _install(_inherited or _settings_or_defaults())


def configure(**settings: Any) -> None:
    """Configure explicitly, before the first job; without it the first job reads the environment.

    Takes the settings of :class:`otel_joblog.config.Settings` by name, for example
    ``configure(dsn="postgresql://…", log_level="DEBUG")``; each overrides its ``OTEL_JOBLOG_*`` variable. Raises
    :class:`~otel_joblog.errors.ConfigError` for a setting that does not exist or a value that cannot be used. Called
    again, it ships what the earlier configuration collected and replaces it.
    """
    from .config import Settings

    made = Settings.from_environment(**settings)
    with _lock:
        if _runtime is not None:
            _runtime.shutdown(_runtime.settings.exit_timeout)
        _install(made)


def flush(timeout: float = 10.0) -> bool:
    """Wait until all that was recorded so far has been shipped by every exporter; False if ``timeout`` seconds pass."""
    current = _runtime
    return current is None or current.shipper.flush(timeout)


def shutdown(timeout: float | None = None) -> bool:
    """Ship what can be shipped within ``timeout`` seconds (default: OTEL_JOBLOG_EXIT_TIMEOUT) and stop.

    Runs by itself when the process exits. What is not shipped then waits in the journal for the next process; False
    says that something does. A job that starts later begins anew.
    """
    global _runtime
    with _lock:
        stopping, _runtime = _runtime, None
        if stopping is None or stopping.pid != os.getpid():
            return True
        return stopping.shutdown(stopping.settings.exit_timeout if timeout is None else timeout)


def _install(settings: Settings) -> Runtime:
    global _runtime
    made = Runtime(settings)
    _hook_process()
    _observe()
    if _forked and "multiprocessing.util" in sys.modules:
        # Its children end without atexit; this is what they do call.
        from multiprocessing.util import Finalize

        Finalize(None, _at_exit, exitpriority=0)
    _runtime = made  # last: whatever interrupts this leaves nothing half made
    return made


_observed = False


def _observe() -> None:
    global _observed
    if not _observed:
        from .export.metrics import observe

        observe(_watched)
        _observed = True


def _watched() -> Watched | None:
    current = _runtime
    if current is None or current.journal.folder is None:
        return None
    from .export.metrics import Watched

    return Watched(current.room, [current.journal.folder])


def _settings_or_defaults() -> Settings:
    from .config import Settings

    def tell(problem: ConfigError) -> None:
        report(f"config: {problem}", "%s", problem)

    return Settings.from_environment(on_bad=tell)


_hooked = False


def _hook_process() -> None:
    global _hooked
    if not _hooked:
        atexit.unregister(_at_exit)  # of an attempt that was interrupted
        atexit.register(_at_exit)
        os.register_at_fork(after_in_child=_after_fork)
        _hooked = True


def _at_exit() -> None:
    """What still goes on will not be ended by anybody else: a run in a daemon thread, a generator nobody closed.

    The runtime stays. What the interpreter's end brings (a generator that is collected) goes to its journal, for the
    next process: to make another now would take imports and threads, which hang when daemon threads have been stopped.
    """
    global _exited
    ending = _runtime
    if ending is None or ending.pid != os.getpid():
        return
    try:
        for call in before_end:
            call()
        ending.close_open()
        _exited = True
        ending.shutdown(ending.settings.exit_timeout)
    except Exception as error:
        if foreign(error):
            raise
        report("exit", "the rest could not be shipped: %r", error)


def _after_fork() -> None:
    """A forked child has the parent's memory but not its threads: its first record begins a journal of its own."""
    global _runtime, _inherited, _lock, _forked, _exited
    _lock = threading.RLock()
    _forked = True
    _exited = False
    parent, _runtime = _runtime, None
    if parent is not None:
        _inherited = parent.settings
        parent.journal.close()


def describe_process(resource: dict[str, Any]) -> Process:
    import socket

    from .conventions import Attribute
    from .journal.crash import boot_id, oom_events, oom_kills
    from .records import Process

    events = oom_events()
    service = service_name(resource)
    host = str(resource.get(Attribute.HOST_NAME) or socket.gethostname())
    known = {
        Attribute.HOST_NAME: host,
        Attribute.PROCESS_PID: os.getpid(),
        Attribute.PROCESS_COMMAND: program_name(),
        Attribute.PROCESS_OWNER: user_name(),
    }
    return Process(
        process_id=os.urandom(16),
        started=time.time_ns(),
        pid=os.getpid(),
        host=host,
        boot_id=boot_id(),
        service=service,
        resource=known | resource | {Attribute.SERVICE_NAME: service},
        oom_events=events,
        oom_kills=oom_kills(events),
    )


def service_name(resource: dict[str, Any]) -> str:
    """The configured ``service.name``; else one word for all programs, so that a job keeps its identity wherever it is
    started from, rather than the SDK's ``unknown_service``.
    """
    from .conventions import DEFAULT_SERVICE, Attribute

    name = str(resource.get(Attribute.SERVICE_NAME, ""))
    return name if name and not name.startswith("unknown_service") else DEFAULT_SERVICE


def program_name() -> str:
    """The name of the file that Python runs; ``python`` where there is none."""
    program = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119  (pathlib costs an import here)
    return program if program not in {"", "-", "-c", "-m"} else "python"


def user_name() -> str:
    """Whose process this is, as cron, systemd and shells say it in the environment: a directory may be slow."""
    return os.environ.get("LOGNAME") or os.environ.get("USER") or f"uid {os.getuid()}"


def make_sinks(settings: Settings, *, otlp_by_default: bool) -> Sequence[Sink]:
    """The exporters of these settings: Postgres always, OTLP where it is configured."""
    from .export.otlp import OtlpSink
    from .export.postgres import PostgresSpanExporter
    from .export.targets import otlp_target

    sinks: list[Sink] = [PostgresSpanExporter(settings)]
    if where := otlp_target(settings, os.environ, by_default=otlp_by_default):
        sinks.append(OtlpSink(where))
    return sinks
