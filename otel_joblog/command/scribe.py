"""The scribe: writes down what the wrapper tells it of one command.

It reads the wrapper's messages from its stdin and appends to a journal as any process does, but ships nothing: a
database driver at work beside it would hold it up, and its memory would no longer be flat. Its warnings go to stderr,
where the wrapper prints the first.

Where the wrapper vanishes without a word of the end, the journal is left open as by any process that is killed.
What the command has started may go on to print after its end: that belongs to the run, too.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from ..config import Settings
from ..conventions import Attribute, JobType, RunStatus, Severity, SpanKind, Stream, Trigger
from ..declared import declared_schedule
from ..diagnostics import report
from ..export.targets import target_names
from ..journal.crash import note_end, oom_kills
from ..journal.journal import Journal
from ..journal.room import Room
from ..journal.standby import ENTRUSTED, agent_at_work, courier_at_work
from ..journal.trouble import tell_of_trouble
from ..records import AFTER_END, Journaled, Output, Process, Sample, SpanEnded, SpanStarted, format_run_id
from ..redaction import make_redactor
from ..setup import SCOPE, describe_process, make_sinks
from ..timezone import local_timezone
from .arguments import without_secrets
from .lastwords import LastWords
from .lines import LineCutter
from .messages import FACTS, messages
from .options import name_of
from .outcome import ending, outcome
from .resource import resource
from .spawn import spawn_ours
from .usage import look, used

__all__ = ["main"]

TICK = 0.25  # seconds between looks at the command and the journal
LONG = 0.5  # seconds after which a command is worth watching
SAMPLE = 1.0  # seconds between samples, in the first minute
AGAIN = 30.0  # seconds between two attempts to have a courier
TOGETHER = 5_000  # lines of one record at most: a batch is never smaller than that
MEMORY_TIMEOUT = 30.0  # seconds for shipping, at the end, what no disk takes: nobody waits for it


def main() -> None:
    os.umask(0o077)
    with open(0, "rb", buffering=0) as told:
        found = messages(told)
        facts = next(found, None)
        settings = Settings.from_environment(on_bad=lambda problem: report(f"config: {problem}", "%s", problem))
        if facts is None or not settings.enabled:
            return
        run = CommandRun(settings, facts.facts)
        os.environ.pop("PGSERVICE", None)  # the command's; where no file has such a service, libpq connects nowhere
        run.begin()
        for message in found:
            if message.kind == FACTS:
                run.end(message.facts, message.time)
            else:
                run.read(message.kind, message.time, message.data)
        run.hand_over()


class CommandRun:
    """The records of one command."""

    def __init__(self, settings: Settings, facts: dict[str, Any]) -> None:
        self._settings = settings
        self._facts = facts
        self._pid: int = facts["pid"]
        self._start: int = facts["start"]
        self._trace_id, self._span_id, self._parent_id, self._parent_run, self._sampled = facts["ids"]
        self._redactor = make_redactor(settings)
        self._words = self._arguments()
        process = describe_process(resource(os.environ, self._words[0], self._pid))
        self._process: Process = self._redactor.record(process)
        self._targets = target_names(settings, os.environ)
        self._journal = Journal(
            settings.journal_dir,
            self._process,
            self._targets,
            Room.of(settings, self._targets),
            settings.fsync,
            self._redactor.encode,
        )
        self._name: str = facts["name"] or name_of(self._words[0])
        self._attributes = self._identity()
        self._lines = 0  # the number of the last one
        self._cutters: dict[int, LineCutter] = {}
        self._last_words = LastWords()
        self._ended = False
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_after, name="otel_joblog-watch", daemon=True)
        self._samples = 0
        self._courier_at = 0.0
        self._shipper: Any = None  # where the disk takes nothing

    def begin(self) -> None:
        self._journal.open[self._span_id] = self._started
        self._emit(self._started())
        self._watch.start()

    def read(self, stream: int, at: int, data: bytes) -> None:
        """The command wrote this to its stdout or stderr."""
        if self._settings.capture_output:
            cutter = self._cutters.setdefault(stream, LineCutter())
            if (lines := cutter.feed(data)) is not None:
                self._write(stream, at, lines)

    def end(self, facts: dict[str, Any], at: int) -> None:
        """It has ended, and the wrapper says how."""
        self._ended = True
        self._finish_lines(at)
        self._note_end(facts.get("status"))
        process = self._process
        killed = process.oom_kills is not None and (oom_kills(process.oom_events) or 0) > process.oom_kills
        if said := facts.get("not_started"):
            facts["not_started"] = said.replace(self._facts["command"][0] or said, self._words[0] or said, 1)
        last = self._last_words.lines
        status, message, error = outcome(facts, oom_killed=killed, last_line=last[-1].strip() if last else "")
        ended = self._end_record(status, message, error, at, facts)
        if status.failed and last:
            ended.attributes[Attribute.ERROR_OUTPUT] = "\n".join(last)
        self._journal.open.clear()
        self._emit(ended)
        self._lines = AFTER_END - 1
        if facts.get("others") and self._facts["ships"]:
            self._ship_here()
            self._shipper.flush(self._settings.exit_timeout)
            _let_the_wrapper_go()

    def hand_over(self) -> None:
        """Nobody writes any more. See that what was recorded is shipped, unless the run has no end: as of the dead."""
        if not self._ended:
            return
        self._finish_lines(time.time_ns())
        self._over.set()
        self._watch.join()
        self._ship_or_leave()

    # Records

    def _finish_lines(self, at: int) -> None:
        for stream, cutter in self._cutters.items():
            if (rest := cutter.finish()) is not None:
                self._write(stream, at, rest)

    def _emit(self, record: Journaled) -> None:
        self._journal.append(self._redactor.encode(record))

    def _write(self, stream: int, at: int, lines: bytes) -> None:
        if stream == Stream.STDERR:
            self._last_words.add(lines)
        self._emit_lines(stream, at, lines)

    def _emit_lines(self, stream: int, at: int, lines: bytes) -> None:
        count = len(lines) - len(lines.replace(b"\n", b"")) + 1  # before Python 3.13, bytes.count takes twice as long
        if count > TOGETHER:
            apart = lines.split(b"\n")
            for begin in range(0, count, TOGETHER):
                self._emit_lines(stream, at, b"\n".join(apart[begin : begin + TOGETHER]))
            return
        text = lines.decode("utf-8", "backslashreplace")
        first = self._lines + 1
        self._lines += count
        self._emit(Output(self._trace_id, self._span_id, at, first, count, int(Severity.INFO), stream, text))

    def _arguments(self) -> list[str]:
        """The command's own words, as far as they are to be kept: its name always is."""
        command: list[str] = self._facts["command"]
        if self._settings.arguments is False:
            command = command[:1]
        return without_secrets(command) if self._settings.redact and not self._settings.arguments else command

    def _identity(self) -> dict[str, Any]:
        facts = self._facts
        parent = None if self._parent_run is None else format_run_id(self._trace_id, self._parent_run)
        schedule = declared_schedule(facts["schedule"])
        known = {
            Attribute.KIND: SpanKind.JOB.value,
            Attribute.JOB_NAME: self._name,
            Attribute.JOB_TYPE: (JobType.CRON if schedule else JobType.COMMAND).value,
            Attribute.TRIGGER: facts["trigger"] or (Trigger.PARENT.value if parent else None),
            Attribute.REFERENCE: facts["reference"],
            Attribute.OWNER: facts["owner"],
            Attribute.SCHEDULE: schedule,
            Attribute.SCHEDULE_TIMEZONE: local_timezone() if schedule else None,
            Attribute.ATTEMPT: 1,
            Attribute.PARENT_RUN: parent,
            Attribute.PROCESS_COMMAND_ARGS: self._words,
        }
        environment = {
            f"{Attribute.PROCESS_ENVIRONMENT}.{name}": os.environ[name]
            for name in self._settings.environment
            if name in os.environ
        }
        return {key: value for key, value in known.items() if value is not None} | environment

    def _started(self) -> SpanStarted:
        return SpanStarted(
            SpanKind.JOB, self._trace_id, self._span_id, self._parent_id, self._span_id, self._parent_run, self._start,
            self._name, 0, self._attributes.copy(), self._sampled, self._lines,
        )  # fmt: skip

    def _end_record(self, status: RunStatus, message: str, error: str, at: int, facts: dict[str, Any]) -> SpanEnded:
        attributes = self._attributes | {
            Attribute.STATUS: status.value,
            Attribute.LINES: self._lines,
            Attribute.STEPS: 0,
        }
        if message:
            attributes[Attribute.STATUS_MESSAGE] = message
        if error:
            attributes[Attribute.ERROR_TYPE] = error
        if "refused" not in facts:
            attributes[Attribute.EXIT_CODE] = facts["code"]
        if self._settings.resources and facts.get("usage"):
            attributes |= used(facts["usage"])
        return SpanEnded(
            SpanKind.JOB, self._trace_id, self._span_id, self._parent_id, self._span_id, self._parent_run, self._start,
            self._name, 0, attributes, max(at, self._start), status, message, [], [], 0, SCOPE, self._sampled,
            self._lines, 0,
        )  # fmt: skip

    # Meanwhile, and afterwards

    def _look_after(self) -> None:
        """The watching thread: samples, signs of life, and that somebody ships."""
        began = time.monotonic()
        sample_at = began + SAMPLE
        wait = LONG
        while not self._over.wait(wait):
            wait = TICK
            try:
                self._journal.show_life()
                self._journal.mark_sealed()
                self._see_to_shipping()
                now = time.monotonic()
                if self._settings.resources and now >= sample_at and not self._ended:
                    self._sample()
                    sample_at = now + min(max((now - began) / 60, SAMPLE), 10 * SAMPLE)
            except Exception as error:
                report("watch", "the command could not be watched: %r", error)

    def _sample(self) -> None:
        if (seen := look(self._pid)) is not None:
            self._samples += 1
            memory, cpu = seen
            run = self._trace_id, self._span_id
            self._emit(Sample(*run, time.time_ns(), self._samples, memory, cpu, self._start))

    def _see_to_shipping(self) -> None:
        if self._journal.in_memory or self._facts["ships"]:
            self._ship_here()
        elif self._journal.folder is not None:
            marker = self._journal.folder / ENTRUSTED
            if not marker.exists():
                marker.touch(mode=0o600)
            self._have_courier()

    def _have_courier(self) -> None:
        root = self._settings.journal_dir
        served = all(agent_at_work(root, exporter) for exporter in self._targets)
        if time.monotonic() < self._courier_at or served or courier_at_work(root, self._targets):
            return
        self._courier_at = time.monotonic() + AGAIN
        spawn_ours("otel_joblog.command.courier", stdin=None, stderr=None)

    def _ship_here(self) -> None:
        """What lies in memory no other process can ship; and where all end with the wrapper, no other is to come."""
        if self._shipper is None:
            from ..journal.shipper import Shipper

            self._shipper = Shipper(self._journal, make_sinks(self._settings, otlp_by_default=True))
            self._shipper.start()

    def _ship_or_leave(self) -> None:
        self._journal.spill(ending=True)
        waited_for: bool = self._facts["ships"]
        if self._journal.in_memory or waited_for:
            self._ship_here()
        timeout = self._settings.exit_timeout if waited_for else MEMORY_TIMEOUT
        if self._shipper is not None and self._shipper.shutdown(timeout):
            self._journal.remove()
            return
        if self._journal.in_memory:
            report("lost", "what neither the disk (%s) nor a destination took is lost", self._journal.trouble)
        self._journal.close()
        for target in self._targets:
            tell_of_trouble(self._settings.journal_dir, target)
        self._courier_at = 0.0
        self._have_courier()

    def _note_end(self, status: int | None) -> None:
        """Where the command itself kept a journal and did not come to its end: how it ended, for the verdict on it."""
        if status is not None and self._pid:
            note_end(self._settings.journal_dir, self._pid, self._start, ending(status))


def _let_the_wrapper_go() -> None:
    """It waits for the end of our stderr."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
