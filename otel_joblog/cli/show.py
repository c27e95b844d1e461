"""``otel-joblog show RUN``: one run with its error, steps and lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ..conventions import Attribute, Severity
from ..store.read.models import LogLine, RunDetail, RunSummary, StepInfo
from ..store.read.reader import Reader
from ..web import format as words
from ..web.usage import memory_words, sparkline, step_cpu, step_growth, usage_facts
from .common import JSON_OPTION, read
from .runs import short_id, silence, status_text
from .terminal import console as output
from .terminal import echo_json, one_line, shown

__all__ = ["show"]

LEVEL_STYLES = {"DEBUG": "dim", "TRACE": "dim", "WARN": "yellow", "ERROR": "red", "FATAL": "bold red"}
PAGE = 1_000


@click.command()
@click.argument("run")
@click.option("--errors", is_flag=True, help="Only lines that warn or tell of errors.")
@click.option("--tail", type=click.IntRange(1, 100_000), metavar="N", help="Only the last N lines.")
@JSON_OPTION
def show(*, run: str, errors: bool, tail: int | None, as_json: bool) -> None:
    """Show RUN: its error first, then its steps and all its lines.

    RUN is a run's id or the first characters of it (6 or more, or 4 of each part), as `list` prints them. With --json
    one object, with `steps` and `logs`.
    """
    severity = int(Severity.WARN) if errors else None

    async def as_object(reader: Reader) -> dict[str, Any]:
        detail = await reader.run(run)
        logs = [line async for line in _lines(reader, detail.run.run_id, severity, tail)]
        parts = msgspec.structs.asdict(detail)
        return msgspec.structs.asdict(parts.pop("run")) | parts | {"logs": logs}

    async def as_text(reader: Reader) -> None:
        # Neither a terminal's width nor one that is not there cuts anything.
        console = output(soft_wrap=True, width=10_000)
        detail = await reader.run(run)
        _print_summary(console, detail)
        _print_error(console, detail)
        _print_steps(console, detail)
        count = 0
        async for line in _lines(reader, detail.run.run_id, severity, tail):
            if not count:
                console.print(Text("Lines", style="bold"))
            count += 1
            console.print(_line(line))
        if not count:
            console.print("No lines." if not errors else "No lines that warn or tell of errors.")

    if as_json:
        echo_json(read(as_object))
    else:
        read(as_text)


async def _lines(reader: Reader, run_id: str, severity: int | None, tail: int | None) -> AsyncIterator[LogLine]:
    if tail is not None:
        for line in await _last_lines(reader, run_id, severity, tail):
            yield line
        return
    after: str | None = None
    while True:
        page = await reader.lines(run_id, after=after, limit=PAGE, min_severity=severity)
        for line in page.items:
            yield line
        if page.next is None:
            return
        after = page.next


async def _last_lines(reader: Reader, run_id: str, severity: int | None, wanted: int) -> list[LogLine]:
    pages: list[list[LogLine]] = []
    before: str | None = None
    while wanted > 0:
        page = await reader.lines(
            run_id, before=before, limit=min(wanted, PAGE), min_severity=severity, tail=before is None
        )
        pages.insert(0, page.items)
        wanted -= len(page.items)
        before = page.previous
        if before is None:
            break
    return [line for page in pages for line in page]


def _print_summary(console: Console, detail: RunDetail) -> None:
    run = detail.run
    now = datetime.now(UTC)
    took = run.duration if run.ended_at else (now - run.started_at).total_seconds()
    console.print(
        Text.assemble((one_line(run.job), "bold"), "  ", status_text(run.status, run.remark), f"  {run.name}")
    )
    facts = {
        "run": run.run_id,
        "why": run.status_message,
        "silent": silence(run, now),
        "started": f"{words.utc(run.started_at)} ({words.ago(run.started_at, now)})",
        "took" if run.ended_at else "running for": words.duration(took),
        "expected": run.expected and f"{words.duration(run.expected)} at most",
        "lines": words.lines(run),
        "missing": run.missing,
        "where": _where(detail),
        "service": run.service,
        "about": run.reference,
        "trigger": run.trigger,
        "schedule": run.schedule,
        "owner": run.owner,
        "user": detail.attributes.get(Attribute.USER),
        "called with": words.facts(detail.arguments),
        "version": detail.resource.get(Attribute.SERVICE_VERSION),
        "revision": detail.resource.get(Attribute.VCS_REVISION),
        "attempt": attempt(run),
        "result": words.facts(run.result),
        "returned": detail.returned,
        "exit code": run.exit_code,
        "parent run": run.parent_run,
    }
    if run.progress is not None:
        percent, done = run.progress.percent, words.progress(run.progress)
        facts["progress"] = done if percent is None else f"{percent:.0f} %, {done}"
    if bars := sparkline(detail.samples):
        facts["memory"] = f"{bars} {memory_words(detail.samples)}"
    for name, value in facts.items():
        if value not in (None, ""):
            console.print(Text.assemble((f"  {name:12}", "dim"), shown(str(value))))
    for name, said in usage_facts(detail.attributes):
        console.print(Text.assemble((f"  {name}: ", "dim"), said))
    console.print()


def attempt(run: RunSummary) -> str | None:
    if run.max_attempts:
        return f"{run.attempt} of {run.max_attempts}"
    return str(run.attempt) if run.attempt > 1 else None


def _where(detail: RunDetail) -> str:
    run = detail.run
    program = detail.resource.get(Attribute.PROCESS_COMMAND) or run.service
    return f"{program} on {run.host}" + (f", process {run.pid}" if run.pid else "")


def _print_error(console: Console, detail: RunDetail) -> None:
    if detail.error is not None:
        console.print(Text(shown(f"{detail.error.type}: {detail.error.message}"), style="bold red"))
        if detail.error.stacktrace:
            console.print(Text(shown(detail.error.stacktrace.rstrip()), style="red"))
        if detail.error_output and detail.error_output != detail.error.message:
            console.print(Text(shown(detail.error_output), style="red"))
        console.print()


def _print_steps(console: Console, detail: RunDetail) -> None:
    if not detail.steps and not detail.children:
        return
    root = Tree(Text("Steps", style="bold"), guide_style="dim")
    branches: dict[str, Tree] = {}
    for step in detail.steps:
        branches[step.span_id] = branches.get(step.parent_id or "", root).add(_step(step, detail))
    for child in detail.children:
        root.add(Text.assemble(status_text(child.status), f" job {one_line(child.job)}  ", (short_id(child), "dim")))
    if detail.children_left_out:
        root.add(f"… and {words.count(detail.children_left_out, 'child run')} before these")
    if detail.steps_left_out:
        root.add(f"… and {words.count(detail.steps_left_out, 'step')} more")
    console.print(root)
    console.print()


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
    if step.status_message:
        text.append(
            f"  {one_line(step.status_message.partition(chr(10))[0])}", style="red" if step.status.failed else "dim"
        )
    return text


def _line(line: LogLine) -> Text:
    style = LEVEL_STYLES.get(line.level, "")
    source = line.stream if line.stream != "log" else line.logger
    text = Text.assemble(
        (words.clock(line.time), "dim"),
        " ",
        (f"{line.level:5}", style),
        " ",
        (one_line(f"{line.step or '·'} {source}"), "dim"),
        " ",
    )
    text.append(shown(line.message), style=style)
    if trace := line.attributes.get("exception.stacktrace"):
        text.append(shown(f"\n{trace}".rstrip()), style="red")
    return text
