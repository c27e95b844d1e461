"""How what runs until Ctrl-C is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WAITING = """
import os, signal, threading, time
from otel_joblog.cli.serving.stopping import until_told_to_stop

def interrupt_somebody_else():
    time.sleep(0.2)  # the main thread waits by then, and is not woken by this
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()

with until_told_to_stop() as wait:
    {how}
    wait()
print("stopped")
"""


@pytest.mark.parametrize(
    "how",
    [
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.kill(os.getpid(), signal.SIGINT)",
        "threading.Thread(target=interrupt_somebody_else, daemon=True).start()",
    ],
    ids=["before the wait", "Ctrl-C", "in another thread"],
)
def test_a_signal_is_not_missed_wherever_it_comes(how: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WAITING.format(how=how)], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout == "stopped\n"


def test_other_signals_stop_nothing() -> None:
    how = (
        "signal.signal(signal.SIGUSR1, lambda *_: None); os.kill(os.getpid(), signal.SIGUSR1); print('on', flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", WAITING.format(how=how)], stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "on\n"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        os.kill(waiting.pid, signal.SIGTERM)
        assert waiting.stdout.read() == "stopped\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ingest_ends_well_and_stops_the_database_that_it_has_started(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path
) -> None:
    environment.pop("OTEL_JOBLOG_DSN")
    command = [sys.executable, "-m", "otel_joblog", "ingest", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("OTLP: ")
        process.send_signal(number)
        assert process.wait(60) == 0
    assert not (tmp_path / "state" / "postgres" / "data" / "postmaster.pid").exists()
