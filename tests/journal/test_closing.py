"""How dead processes are called dead: verdicts, closing records, and what they look like in the store and by OTLP."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.journal import crash
from otel_joblog.journal.closing import OpenSpans
from otel_joblog.journal.crash import Verdict, verdict
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.recovery import closing_records, dead_journals
from otel_joblog.records import Process, SpanEnded, encode
from otel_joblog.testing import recording
from tests import processes

from .samples import PROCESS, Kept, fill, journal

JOB = """
    import ctypes, logging, os, signal, sys, threading, time
    from otel_joblog import job, step
    log = logging.getLogger("x")
    log.setLevel(logging.INFO)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a shell may have it ignored
    @job("doomed", reference="2026-11-03")
    def doomed(how):
        log.info("one")
        with step("outer"):
            with step("inner"):
                log.info("two")
                print("three")
                how()
    def ready(then=lambda: None):
        os.write(1, b"ready\\n")  # not by print, which would be a line
        then()
    def asleep():
        ready(lambda: time.sleep(60))
    def stuck_in_c():
        import re
        ready(lambda: re.match(r"(a+)+$", "a" * 60 + "b"))
"""


def await_readiness(job: subprocess.Popen[str]) -> None:
    assert job.stdout
    for said in job.stdout:
        if said == "ready\n":
            return
    pytest.fail("the job ended before it was ready")


def killed(folder: Path, how: str, number: int | None = None) -> tuple[int, list[SpanEnded]]:
    """How the job's process ended, and the records that close what it left open, the run first."""
    job = processes.start(f"{JOB}\n    doomed({how})", folder)
    if number is not None:
        await_readiness(job)
        time.sleep(0.3)  # to be in the middle of what it does then
        job.send_signal(number)
    job.communicate(timeout=30)
    ends = [end for path in dead_journals(folder / "state" / "journal") for end in closing_records(path)[1]]
    return job.returncode, sorted(ends, key=lambda end: end.start)


@pytest.mark.parametrize(
    ("how", "number", "code", "words"),
    [
        (
            "asleep",
            signal.SIGKILL,
            -9,
            "the process vanished: killed by a signal such as SIGKILL, or ended by os._exit",
        ),
        (
            "lambda: os._exit(3)",
            None,
            3,
            "the process vanished: killed by a signal such as SIGKILL, or ended by os._exit",
        ),
        ("asleep", signal.SIGTERM, -15, "killed by SIGTERM"),
        ("stuck_in_c", signal.SIGTERM, -15, "killed by SIGTERM"),
        ("asleep", signal.SIGHUP, -1, "killed by SIGHUP"),
        ("lambda: ctypes.string_at(0)", None, -11, "crashed: Segmentation fault"),
        ("os.abort", None, -6, "crashed: Aborted"),
    ],
)
def test_a_killed_process_is_called_lost_with_the_reason(
    tmp_path: Path, how: str, number: int | None, code: int, words: str
) -> None:
    ended, (run, outer, inner) = killed(tmp_path, how, number)
    assert ended == code, "it dies of the very signal, as without us"
    for end, name in ((run, "doomed"), (outer, "outer"), (inner, "inner")):
        assert (end.name, end.status, end.message) == (name, RunStatus.LOST, words)
        assert end.end >= end.start
    assert (run.lines, run.steps) == (3, 2)
    assert run.attributes["joblog.reference"] == "2026-11-03"
    assert (outer.parent_id, inner.parent_id) == (run.span_id, outer.span_id)


def test_how_a_process_ended_is_not_noted_in_the_journal_of_one_that_lives(tmp_path: Path) -> None:
    """Containers that share a state folder have equal pids."""
    written = journal(tmp_path)
    fill(written, [1])
    folder = written.folder
    assert folder is not None
    crash.note_end(tmp_path, PROCESS.pid, PROCESS.started, "killed by SIGKILL")
    assert "vanished" in verdict(None, folder).words
    written.close()
    crash.note_end(tmp_path, PROCESS.pid, PROCESS.started, "killed by SIGKILL")
    assert verdict(None, folder).words == "killed by SIGKILL"


def test_where_the_process_was_when_it_was_terminated_is_kept_without_our_own_threads(tmp_path: Path) -> None:
    _, (run, *_) = killed(tmp_path, "stuck_in_c", signal.SIGTERM)
    (event,) = run.events
    trace = event.attributes["exception.stacktrace"]
    assert "in stuck_in_c" in trace, "the frame that called into C"
    assert "shipper.py" not in trace


def test_a_signal_that_the_application_handles_is_left_to_it(tmp_path: Path) -> None:
    source = f"{JOB}\n    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n    doomed(asleep)"
    job = processes.start(source, tmp_path)
    await_readiness(job)
    job.terminate()
    job.communicate(timeout=30)
    assert job.returncode == 5
    (run,) = (end for end in processes.journaled(tmp_path) if isinstance(end, SpanEnded) and end.kind == "job")
    assert (run.status, run.message) == (RunStatus.ERROR, "exited with status 5")


@pytest.mark.parametrize("before_the_run", [False, True])
def test_a_signal_is_told_of_when_the_application_has_handled_it_and_put_back_what_was_there(
    tmp_path: Path, before_the_run: bool
) -> None:
    handled = "before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))"
    put_back = "lambda: (signal.signal(signal.SIGTERM, before), asleep())"
    if before_the_run:
        source = f"{JOB}\n    {handled}\n    doomed({put_back})"
    else:
        source = f"{JOB}\n    def served():\n        {handled}\n        ({put_back})()\n    doomed(served)"
    job = processes.start(source, tmp_path)
    await_readiness(job)
    time.sleep(0.3)
    job.terminate()
    job.communicate(timeout=30)
    assert job.returncode == -signal.SIGTERM
    (ends,) = (closing_records(path)[1] for path in dead_journals(tmp_path / "state" / "journal"))
    assert {end.message for end in ends} == {"killed by SIGTERM"}


def test_a_run_that_its_process_leaves_behind_in_a_thread_is_ended_when_the_process_ends(tmp_path: Path) -> None:
    source = f"""{JOB}
    threading.Thread(target=doomed, args=(asleep,), daemon=True).start()
    while not os.path.exists("go"): time.sleep(0.01)
    """
    job = processes.start(source, tmp_path)
    await_readiness(job)
    (tmp_path / "go").touch()
    job.communicate(timeout=30)
    ends = [end for end in processes.journaled(tmp_path) if isinstance(end, SpanEnded)]
    assert {(end.status, end.message) for end in ends} == {
        (RunStatus.LOST, "the process ended while this was still running")
    }
    assert len(ends) == 3


def test_a_forked_child_that_is_terminated_does_not_speak_for_its_parent(tmp_path: Path) -> None:
    source = f"""{JOB}
    def fork():
        child = os.fork()
        if not child:
            ready()
            time.sleep(60)
        while True:
            log.info("waiting for it")
            time.sleep(0.1)
            if os.path.exists("go"): break
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        os.kill(os.getpid(), signal.SIGKILL)
    doomed(fork)
    """
    job = processes.start(source, tmp_path)
    await_readiness(job)
    (tmp_path / "go").touch()
    job.communicate(timeout=30)
    (folder,) = dead_journals(tmp_path / "state" / "journal")
    assert {end.message for end in closing_records(folder)[1]} == {
        "the process vanished: killed by a signal such as SIGKILL, or ended by os._exit"
    }


def test_segments_say_again_what_is_open_so_that_each_can_be_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"""
    from otel_joblog.journal import journal
    journal.SEGMENT_BYTES = 2_000
    {JOB}
    doomed(lambda: [log.info("more %d", number) for number in range(200)] and os._exit(0))
    """
    processes.start(source, tmp_path).communicate(timeout=30)
    (folder,) = dead_journals(tmp_path / "state" / "journal")
    segments = sorted(folder.glob("*.seg"))
    assert len(segments) > 5
    for segment in segments[:-1]:
        segment.unlink()
    assert {(end.name, end.lines) for end in closing_records(folder)[1]} == {
        ("doomed", 203),
        ("outer", 0),
        ("inner", 0),
    }


def process(**changes: object) -> Process:
    facts = {"process_id": bytes(16), "started": 1, "pid": 1, "host": "", "boot_id": crash.boot_id(), "service": ""}
    return Process(**(facts | {"resource": {}} | changes))  # type: ignore[arg-type]


def test_a_host_that_restarted_is_named_as_the_reason(tmp_path: Path) -> None:
    assert verdict(process(boot_id="another"), tmp_path).words == "the host restarted"


def test_an_oom_kill_that_the_control_group_counted_is_named_as_the_reason(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n")
    said = process(oom_events=str(events), oom_kills=0)
    assert verdict(said, tmp_path).words == "out of memory: the control group counted an OOM kill"
    assert verdict(process(oom_events=str(events), oom_kills=1), tmp_path).words.startswith("the process vanished")


def test_what_has_ended_is_not_ended_again() -> None:
    from otel_joblog import job, step

    with recording() as recorded, job("whole"), step("one"):
        pass
    spans = OpenSpans()
    spans.see(recorded.records)
    assert list(spans.closing(Verdict("gone", 0))) == []


def test_a_silent_process_is_known_to_have_lived_until_its_last_sign_of_life(tmp_path: Path) -> None:
    from otel_joblog import job

    written = Journal(tmp_path, process(), ["kept"])
    with recording() as recorded, job("silent"):
        start = recorded.started[0]
    written.append(encode(start))
    folder = written.folder
    assert folder is not None
    written.close()
    later = start.start + 90 * 10**9
    os.utime(folder / crash.ALIVE, ns=(later, later))
    (end,) = closing_records(folder)[1]
    assert end.end == later


def test_closing_records_reach_every_exporter_also_one_that_had_come_to_the_end(tmp_path: Path) -> None:
    from otel_joblog.journal.recovery import ship_dead

    killed(tmp_path, "lambda: os._exit(0)")
    (folder,) = dead_journals(tmp_path / "state" / "journal")
    (name,) = (path.stem for path in folder.glob("*.cursor"))
    sink = Kept(name)
    assert ship_dead(folder, sink, lambda seconds: seconds == 0)
    ends = [record for record in sink.records if isinstance(record, SpanEnded)]
    assert [end.name for end in ends] == ["inner", "outer", "doomed"]
    assert not folder.exists()


def test_faulthandler_that_the_application_enabled_keeps_writing_where_it_did(tmp_path: Path) -> None:
    job = processes.start(f"{JOB}\n    doomed(lambda: ctypes.string_at(0))", tmp_path, "-X", "faulthandler")
    _, err = job.communicate(timeout=30)
    assert isinstance(job, subprocess.Popen)
    assert "Fatal Python error: Segmentation fault" in err
