"""The vocabulary: states, kinds and attribute names, each with its source.

No OpenTelemetry semantic convention for jobs exists, so the names under ``joblog.*`` are ours. Everything that does
have one (``service.*``, ``host.*``, ``process.*``, ``code.*``, ``exception.*``, ``error.type``, ``log.iostream``) keeps
it.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = [
    "CONTEXT_KEY",
    "PREVIOUS_ATTEMPT",
    "Attribute",
    "JobType",
    "RunStatus",
    "Severity",
    "SpanKind",
    "Stream",
    "Trigger",
]

# Under this key OTel's context carries the innermost active run or step (see otel_joblog.capture.nesting).
DEFAULT_SERVICE = "jobs"  # whatever the program is called: a job is known by its service and name

CONTEXT_KEY = "otel_joblog-active"

PREVIOUS_ATTEMPT = "previous_attempt"  # what Attribute.LINK says of a link to the attempt before


class RunStatus(StrEnum):
    """The state of a run or step: ``pending → running → success | skipped | cancelled | error | timeout | lost``.

    The first terminal state wins, with one exception: ``lost`` gives way to a real end that arrives late.
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    ERROR = "error"
    TIMEOUT = "timeout"
    LOST = "lost"

    @property
    def code(self) -> int:
        """The small integer that the store keeps: open states are 0 and 1, failures are 5 and above."""
        return _STATUS_CODES[self]

    @property
    def terminal(self) -> bool:
        return _STATUS_CODES[self] > 1

    @property
    def failed(self) -> bool:
        return _STATUS_CODES[self] >= _STATUS_CODES[RunStatus.ERROR]

    @classmethod
    def from_code(cls, code: int) -> RunStatus:
        return _STATUSES[code]


_STATUSES = tuple(RunStatus)
_STATUS_CODES = {status: code for code, status in enumerate(_STATUSES)}


class SpanKind(StrEnum):
    """What a span of the trace is to us (``joblog.kind``); not OTel's span kind, which is kept beside it."""

    JOB = "job"  # one run of a job
    STEP = "step"  # a step of a run
    SPAN = "span"  # any other span of the trace: HTTP, SQL, … by other instrumentations


class JobType(StrEnum):
    """How a job is run. Any other word may be used; these are the ones that pages give an icon and a filter."""

    FUNCTION = "function"
    CRON = "cron"
    QUEUE = "queue"
    COMMAND = "command"
    BATCH = "batch"


class Trigger(StrEnum):
    """What made this run start. Any other word may be used."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    EVENT = "event"
    QUEUE = "queue"
    API = "api"
    PARENT = "parent"
    RETRY = "retry"


class Stream(IntEnum):
    """Where a line came from: a logger, or one of the process's streams (semconv ``log.iostream``)."""

    LOG = 0
    STDOUT = 1
    STDERR = 2


class Severity(IntEnum):
    """OTel severity numbers (logs data model, "Severity Fields"), one for each level of Python's ``logging``."""

    TRACE = 1
    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21

    @classmethod
    def label(cls, number: int) -> str:
        """The level in words for any number of the range: ``label(10)`` is ``"INFO"``."""
        base = max(1, min(24, number))
        return cls((base - 1) // 4 * 4 + 1).name


class Attribute:
    """Attribute keys. Ours first, then those of OTel's semantic conventions that we set or read."""

    KIND = "joblog.kind"
    RUN_ID = "joblog.run_id"
    PARENT_RUN = "joblog.parent_run"
    STATUS = "joblog.status"
    STATUS_MESSAGE = "joblog.status_message"
    JOB_NAME = "joblog.job.name"
    JOB_TYPE = "joblog.job.type"
    REFERENCE = "joblog.reference"
    OWNER = "joblog.owner"
    USER = "user.id"  # semconv: user; whom of the application's own users the run is for
    TRIGGER = "joblog.trigger"
    SCHEDULE = "joblog.schedule"
    SCHEDULE_TIMEZONE = "joblog.schedule.timezone"  # that of its host, by IANA name: what the schedule means by an hour
    EXPECTED = "joblog.expected_s"
    ATTEMPT = "joblog.attempt"
    MAX_ATTEMPTS = "joblog.max_attempts"
    QUEUED_AT = "joblog.queued_at"  # when it was put into a queue, in ISO 8601
    PRODUCER_TRACE = "joblog.producer.trace_id"  # of the span that put it there
    QUEUE = "messaging.destination.name"  # semconv: messaging
    PREVIOUS_ATTEMPT = "joblog.previous_attempt"  # run id; told at the start already, where a link comes with the end
    LINK = "joblog.link"  # of a span link: what it is to the run, such as previous_attempt
    EXIT_CODE = "joblog.exit_code"
    ERROR_OUTPUT = "joblog.error_output"  # the last lines that a command which failed wrote to its stderr
    SEQ = "joblog.seq"
    STAGE = "joblog.stage"
    TASK_ID = "joblog.task_id"
    STEP = "joblog.step"
    PROGRESS_CURRENT = "joblog.progress.current"
    PROGRESS_TOTAL = "joblog.progress.total"
    PROGRESS_UNIT = "joblog.progress.unit"
    STEPS_EXPECTED = "joblog.steps_expected"
    RESULT = "joblog.result"  # below it, by name, what set_result() was told
    RETURNED = "joblog.returned"  # what the function returned, in short
    ARGUMENT = "joblog.argument"  # below it, by name, what the function was called with
    PROCESS_ID = "joblog.process.id"  # of a resource: which process speaks; a pid comes round again
    WORKER = "joblog.worker"  # which of several workers ran it, where there is such a thing

    # Seconds and bytes while the run or step went on. Whose they are is in the name: other runs, threads and tasks of
    # the process are in the process's figures, other tasks of an event loop in its thread's.
    PROCESS_CPU_USER = "joblog.process.cpu.user"
    PROCESS_CPU_SYSTEM = "joblog.process.cpu.system"
    THREAD_CPU = "joblog.thread.cpu"
    PROCESS_MEMORY_PEAK = "joblog.process.memory.peak"  # since the process began: it never falls
    PROCESS_MEMORY_PEAK_GROWTH = "joblog.process.memory.peak_growth"
    PROCESS_DISK_READ = "joblog.process.disk.read"
    PROCESS_DISK_WRITTEN = "joblog.process.disk.written"
    PROCESS_GC_COLLECTIONS = "joblog.process.gc.collections"
    PROCESS_SWITCHES_VOLUNTARY = "joblog.process.context_switches.voluntary"
    PROCESS_SWITCHES_INVOLUNTARY = "joblog.process.context_switches.involuntary"
    CHILDREN_CPU_USER = "joblog.children.cpu.user"  # of subprocesses that ended meanwhile and were waited for
    CHILDREN_CPU_SYSTEM = "joblog.children.cpu.system"

    LINES = "joblog.lines"  # lines emitted by the run, whatever became of them
    STEPS = "joblog.steps"
    LINES_LEFT_OUT = "joblog.lines_left_out"  # lines that the bounded mirror of span events does not show

    LOG_SEVERITY = "log.severity"
    LOG_SEVERITY_NUMBER = "log.severity_number"  # OTel's, where it is not the one of the level
    LOG_MESSAGE = "log.message"
    LOG_LOGGER = "log.logger"
    LOG_IOSTREAM = "log.iostream"  # semconv: log

    SERVICE_NAME = "service.name"  # semconv: resource/service
    SERVICE_VERSION = "service.version"
    SERVICE_INSTANCE_ID = "service.instance.id"
    HOST_NAME = "host.name"  # semconv: resource/host
    PROCESS_PID = "process.pid"  # semconv: resource/process
    PROCESS_COMMAND = "process.command"
    PROCESS_COMMAND_ARGS = "process.command_args"
    PROCESS_OWNER = "process.owner"
    PROCESS_ENVIRONMENT = "process.environment_variable"  # below it, by name, variables that were asked for
    VCS_REVISION = "vcs.ref.head.revision"  # semconv: resource/vcs
    CODE_FUNCTION = "code.function.name"  # semconv: code
    CODE_FILE = "code.file.path"
    CODE_LINE = "code.line.number"
    CODE_STACKTRACE = "code.stacktrace"
    ERROR_TYPE = "error.type"  # semconv: general/error
    EXCEPTION_TYPE = "exception.type"  # semconv: exceptions
    EXCEPTION_MESSAGE = "exception.message"
    EXCEPTION_STACKTRACE = "exception.stacktrace"
    THREAD_NAME = "thread.name"  # semconv: general/thread
