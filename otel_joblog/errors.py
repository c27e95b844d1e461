"""The error tree.

::

    JobLogError
    ├── ConfigError         a setting that cannot be used; the message names it and what would do
    ├── JournalError        the journal's folder cannot be used
    ├── StoreError          the database answered, but not as it must
    │   ├── StoreUnavailable    no database there (retry later)
    │   │   └── StoreNotStarted     the embedded server does not run (retry later)
    │   └── SchemaError         the schema is older or newer than this version
    ├── ExportUnavailable   an OTLP endpoint does not take spans now (retry later)
    ├── RecordRefused       a backend refuses these very records for ever
    ├── EmbeddedError       the embedded PostgreSQL cannot be set up or started
    ├── RunNotFound         no run, or more than one, goes by that id
    ├── StepNotFound        the run has no step of that id
    ├── NoSuchPart          the run has ended without such a stage or task
    ├── TaskNotFound        no step of any run has that task_id
    ├── ViewerUnavailable   no viewer answers a client (retry later)
    ├── RequestRefused      a viewer does not answer this request of a client
    ├── BadCursor           the key of a page is none of ours
    ├── UsersUnusable       the file of the viewer's accounts cannot be read
    ├── ImportRefused       a file holds what cannot be imported
    └── ScheduleError       a job's schedule is not understood: nobody knows when it is due

    Skip                    not an error: raised by user code to end a run or step as skipped

None of these reaches the code of a job: inside a job they are reported once on the logger ``otel_joblog`` and counted.
"""

from __future__ import annotations

__all__ = [
    "BadCursor",
    "ConfigError",
    "EmbeddedError",
    "ExportUnavailable",
    "ImportRefused",
    "JobLogError",
    "JournalError",
    "NoSuchPart",
    "RecordRefused",
    "RequestRefused",
    "RunNotFound",
    "ScheduleError",
    "SchemaError",
    "Skip",
    "StepNotFound",
    "StoreError",
    "StoreNotStarted",
    "StoreUnavailable",
    "TaskNotFound",
    "UsersUnusable",
    "ViewerUnavailable",
]


class JobLogError(Exception):
    """Base of every error that this package raises to its callers."""


class ConfigError(JobLogError):
    """A setting cannot be used. The message names the setting, the value and what would do."""


class UsersUnusable(JobLogError):
    """The file of the viewer's accounts cannot be read. Mend it, or write it anew: ``otel-joblog users add``."""


class JournalError(JobLogError):
    """The journal's folder cannot be used. Point OTEL_JOBLOG_STATE_DIR at a folder that this user can write."""


class StoreError(JobLogError):
    """The database answered, but not as it must."""


class StoreUnavailable(StoreError):
    """No database answers. Start it (``otel-joblog db start``) or mend OTEL_JOBLOG_DSN; what was emitted waits."""


class StoreNotStarted(StoreUnavailable):
    """The embedded server does not run; no job starts it. ``otel-joblog db start`` does; what was emitted waits."""


class SchemaError(StoreError):
    """The schema is not the one this version needs. Run ``otel-joblog migrate``."""


class ExportUnavailable(JobLogError):
    """The OTLP endpoint does not take spans now. What was emitted waits in the journal and is sent again."""


class RecordRefused(JobLogError):
    """A backend refuses these records for ever: resending them cannot help."""


class EmbeddedError(JobLogError):
    """The embedded PostgreSQL cannot be set up or started. The message says what was tried and what else would do."""


class RunNotFound(JobLogError):
    """No run goes by that id, or more than one does. Give more characters of the id, or look it up with ``list``."""


class StepNotFound(JobLogError):
    """The run has no step of that id. Take the ``span_id`` of one of its ``steps``."""


class NoSuchPart(JobLogError):
    """The run has ended without such a stage or task. The message names those that it has."""


class TaskNotFound(JobLogError):
    """No step of any run has that ``task_id``. It is found as it was given to ``step(task_id=…)``, in full."""


class ViewerUnavailable(JobLogError):
    """No viewer answers. Start it (``otel-joblog serve``), or give the client its address."""


class RequestRefused(JobLogError):
    """The viewer, or who guards it, does not answer this request. The message is what it said."""


class BadCursor(JobLogError):
    """The key of a page is none of ours. Take ``next`` of the page before, or begin anew without a key."""


class Skip(Exception):
    """Raise it inside a run or step to end that run or step as ``skipped``.

    It goes no further than the innermost ``@job`` or ``@step`` it is raised in: the call returns ``None``, the ``with``
    block is left. The reason becomes the status message.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class ImportRefused(JobLogError):
    """A file holds what cannot be imported. The message says which line and why; what came before it is stored."""


class ScheduleError(JobLogError):
    """A job's schedule is not understood, and so nobody knows when it is due. The message says why."""
