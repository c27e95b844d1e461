"""How a command ended: what that means for the status, in words."""

from __future__ import annotations

import os
import signal
from typing import Any

from ..conventions import RunStatus

__all__ = ["ending", "outcome"]

OUT_OF_MEMORY = "out of memory: the control group counted an OOM kill"


def outcome(facts: dict[str, Any], *, oom_killed: bool, last_line: str = "") -> tuple[RunStatus, str, str]:
    """Status, reason in words and ``error.type`` of what the wrapper told at the end.

    Of a command that says itself that it failed, the reason is the ``last_line`` of its stderr, if there is one.
    """
    if refused := facts.get("refused"):
        received = facts["received"]
        return (RunStatus.CANCELLED if received else RunStatus.SKIPPED), refused, received
    if said := facts.get("not_started"):
        return RunStatus.ERROR, said, "not_started"
    status = facts["status"]
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if facts["timed_out"]:
        how = "; it had to be killed" if killed == signal.SIGKILL else ""
        return RunStatus.TIMEOUT, f"timed out after {facts['timeout']:g} s{how}", RunStatus.TIMEOUT.value
    if status == 0:
        return RunStatus.SUCCESS, "", ""
    if facts["received"]:
        return RunStatus.CANCELLED, f"{facts['received']} was received", facts["received"]
    if oom_killed and (killed == signal.SIGKILL or facts["code"] == 128 + signal.SIGKILL):
        return RunStatus.ERROR, OUT_OF_MEMORY, "out_of_memory"
    if killed:
        return RunStatus.ERROR, f"killed by {signal_name(killed)}", signal_name(killed)
    code = facts["code"]
    return RunStatus.ERROR, last_line or f"exited with status {code}", f"Exit status {code}"


def ending(status: int) -> str:
    """The same of a process that may have wanted to say more itself."""
    if os.WIFSIGNALED(status):
        return f"killed by {signal_name(os.WTERMSIG(status))}"
    return f"exited with status {os.WEXITSTATUS(status)}"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
