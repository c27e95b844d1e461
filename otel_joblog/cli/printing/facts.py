"""What `show` tells of a run before its lines: why it failed, three lines of facts, all facts, its steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from ...conventions import Attribute
from ...store.read.models import RunDetail, RunSummary, StepInfo
from ...store.read.tree import failing_path
from ...web import format as words
from ...web.usage import memory_words, sparkline, step_cpu, step_growth, usage_facts
from ..runs import attempt, elapsed, silence, status_text, waiting
from .ids import short_id
from .say import one_line, shown
from .terminal import OutputConsole
from .times import Zone

__all__ = ["bounded", "print_all_facts", "print_error", "print_facts", "print_steps"]

SHOWN = 4_000  # characters of an error's message, and of the end of its stack trace, unless all is asked for
STEPS = 20  # steps, unless all are asked for
GUIDE = 4  # cells before a step for each step that it is inside of
SHORTEST = 40  # cells of a step, however deep it is


def print_error(console: OutputConsole, detail: RunDetail, zone: Zone, at: datetime, *, whole: bool) -> None:
    """How it ended, and why it failed: in which step, by which error, with what on stderr; what is amiss with it."""
    run, error = detail.run, detail.error
    console.print(Text.assemble(status_text(run.status), "  ", (one_line(run.job), "bold"), f"  {run.run_id}"))
    said = f"{error.type}: {error.message}" if error else ""
    if run.status_message and run.status_message not in said:
        style = "bold red" if run.status.failed else "yellow"
        console.print(Text(bounded(shown(run.status_message), whole=whole), style=style))
    if said:
        console.print(Text(bounded(shown(said), whole=whole), style="bold red"))
    if path := failing_path(detail.steps if run.status.failed else []):
        console.print(Text(f"in step {' > '.join(one_line(step.name) for step in path)}", style="red"))
    if error and error.stacktrace:
        before, _, after = f"{error.stacktrace.rstrip()}\n".rpartition(f"\n{said}\n")
        trace = f"{before}\n{after}".strip("\n")  # without what has been said
        console.print(Text(bounded(shown(trace), whole=whole, end=True), style="red"))
    if detail.error_output and detail.error_output != (error and error.message):
        console.print(Text(shown(detail.error_output), style="red"))
    if (silent := silence(run, at)) and run.last_seen:
        console.print(Text(f"{silent}, since {zone.stamp(run.last_seen)}", style="yellow"))
    if run.missing:
        console.print(Text(shown(run.missing), style="yellow"))
    console.print()


def print_facts(console: OutputConsole, detail: RunDetail, zone: Zone, at: datetime) -> None:
    """When, where and what: three lines."""
    for name, told in (("when", _when(detail.run, zone, at)), ("where", _where(detail)), ("what", _what(detail))):
        console.print(Text.assemble((f"{name:7}", "dim"), one_line("; ".join(filter(None, told)))))
    console.print()


def print_all_facts(console: OutputConsole, detail: RunDetail, zone: Zone) -> None:
    """Those that the three lines leave out."""
    run, attributes = detail.run, detail.attributes
    facts = {
        "ended": run.ended_at and zone.stamp(run.ended_at),
        "name": run.name,
        "type": run.type,
        "schedule": run.schedule,
        "owner": run.owner,
        "user": attributes.get(Attribute.USER),
        "called with": words.facts(detail.arguments),
        "returned": detail.returned,
        "version": detail.resource.get(Attribute.SERVICE_VERSION),
        "revision": detail.resource.get(Attribute.VCS_REVISION),
        "parent run": run.parent_run,
        "memory": f"{sparkline(detail.samples)} {memory_words(detail.samples) or ''}".strip(),
    }
    facts |= dict(usage_facts(attributes))
    facts = {name: value for name, value in facts.items() if value not in (None, "")}
    width = max(map(len, facts))
    for name, value in facts.items():
        console.print(Text.assemble((f"{name:{width}}  ", "dim"), shown(str(value))))
    console.print()


def print_steps(console: OutputConsole, detail: RunDetail, *, whole: bool) -> None:
    """The steps as a tree: all of them, or up to 20, first of all those that failed or go on."""
    if not detail.steps and not detail.children:
        return
    chosen = detail.steps if whole or len(detail.steps) <= STEPS else _chosen(detail.steps)
    root = Tree(Text("Steps", style="bold"), guide_style="dim")
    branches: dict[str, tuple[Tree, int]] = {}
    for step in chosen:
        branch, depth = branches.get(step.parent_id or "", (root, 1))
        told = _step(step, detail)
        if not whole and console.is_terminal:
            told.truncate(max(SHORTEST, console.terminal_width - GUIDE * depth), overflow="ellipsis")
        branches[step.span_id] = branch.add(told), depth + 1
    children = detail.children if whole else detail.children[-STEPS:]
    for child in children:
        mark = (short_id(child.run_id), "dim")
        root.add(Text.assemble(status_text(child.status), f" job {one_line(child.job)}  ", mark))
    if left_out := len(detail.children) - len(children) + detail.children_left_out:
        root.add(f"… and {words.count(left_out, 'child run')} before these")
    if left_out := len(detail.steps) - len(chosen) + detail.steps_left_out:
        root.add(f"… and {words.count(left_out, 'step')} more")
    console.print(root)
    console.print()


def _when(run: RunSummary, zone: Zone, at: datetime) -> Iterator[str | None]:
    if (waited := waiting(run, at)) is not None:
        yield f"queued {zone.stamp(run.started_at)}, {waited}"
        return
    yield f"{zone.stamp(run.started_at)}, {words.ago(run.started_at, at)}"
    took = words.duration(elapsed(run, at))
    expected = f", expected {words.duration(run.expected)}" if run.expected else ""
    yield (f"took {took}" if run.status.terminal else f"running for {took}") + expected
    yield None if run.queue_delay is None else f"after {words.duration(run.queue_delay)} in the queue"


def _where(detail: RunDetail) -> Iterator[str | None]:
    run = detail.run
    yield run.host + (f", process {run.pid}" if run.pid else "")
    yield detail.resource.get(Attribute.PROCESS_COMMAND)
    yield f"service {run.service}"
    yield f"by {run.trigger}" if run.trigger else None


def _what(detail: RunDetail) -> Iterator[str | None]:
    run = detail.run
    noticed = [
        words.count(number, noun) for number, noun in ((run.warnings, "warning"), (run.errors, "error")) if number
    ]
    size = [words.size(run.bytes)] if run.bytes else []
    yield ", ".join([words.lines(run), *size, *noticed])
    yield f"about {run.reference}" if run.reference else None
    yield attempt(run) or None
    yield f"after {run.previous_attempt}" if run.previous_attempt else None
    yield f"followed by {run.next_attempt}" if run.next_attempt else None
    yield f"exit status {run.exit_code}" if run.exit_code is not None else None
    if run.progress is not None:
        percent = run.progress.percent
        yield ("" if percent is None else f"{percent:.0f} %, ") + words.progress(run.progress)
    yield words.facts(run.result)


def bounded(text: str, *, whole: bool, end: bool = False) -> str:
    """Its first characters, or its last; all of them only where all is asked for."""
    left_out = len(text) - SHOWN
    if whole or left_out <= 0:
        return text
    told = f"… {left_out:,} characters more: --all prints them"
    return f"{told}\n{text[-SHOWN:]}" if end else f"{text[:SHOWN]}\n{told}"


def _chosen(steps: list[StepInfo]) -> list[StepInfo]:
    """20 at most: those that failed or go on with what they are inside of; where there are none, the first."""
    by_id = {step.span_id: step for step in steps}
    wanted: dict[str, None] = {}
    for step in steps:
        if step.status.terminal and not step.status.failed:
            continue
        path = []
        inner: StepInfo | None = step
        while inner is not None and inner.span_id not in path:
            path.append(inner.span_id)
            inner = by_id.get(inner.parent_id or "")
        wanted |= dict.fromkeys(reversed(path))
    chosen = set(list(wanted)[:STEPS]) or {step.span_id for step in steps[:STEPS]}
    return [step for step in steps if step.span_id in chosen]


def _step(step: StepInfo, detail: RunDetail) -> Text:
    since = (step.started_at - detail.run.started_at).total_seconds()
    text = Text.assemble(status_text(step.status), f" {one_line(step.name)}")
    if step.task_id:
        text.append(f" [{one_line(step.task_id)}]")
    if step.stage:
        text.append(f" ({one_line(step.stage)})", style="dim")
    text.append(f"  {words.offset(since)}, {words.duration(step.duration)}", style="dim")
    if cpu := step_cpu(step.attributes):
        text.append(f", CPU {cpu}", style="dim")
    if growth := step_growth(step.attributes):
        text.append(f", memory {growth}", style="dim")
    if step.status_message and step.status_message != detail.run.status_message:
        style = "red" if step.status.failed else "dim"
        text.append(f"  {one_line(step.status_message.partition(chr(10))[0])}", style=style)
    return text
