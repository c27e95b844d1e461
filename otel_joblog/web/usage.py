"""What a run used, in words and as charts; the command line says the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..conventions import Attribute
from ..store.read.models import RunDetail, SampleInfo
from . import format as words

__all__ = ["Chart", "charts", "memory_words", "sparkline", "step_cpu", "step_growth", "usage_facts"]

WIDTH, HEIGHT = 1000, 100  # of a chart, in units of its own, which the page stretches
TOP = 96  # where the highest value lies
BARS = "▁▂▃▄▅▆▇█"


class Chart(NamedTuple):
    title: str
    words: str  # what there is to see
    line: str  # points for SVG
    area: str


def usage_facts(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``("CPU", "1.24 s user, …")`` and so on, as far as it is known."""
    return [(name, said) for name, tell in _FACTS if (said := tell(_numbers(attributes)))]


def step_cpu(attributes: Mapping[str, Any]) -> str | None:
    """The CPU time of a step's thread."""
    thread = _numbers(attributes)(Attribute.THREAD_CPU)
    return None if thread is None else words.duration(thread)


def step_growth(attributes: Mapping[str, Any]) -> str | None:
    """``+120 MB`` where the memory of the process rose to a new peak in a step, by a megabyte or more."""
    growth = _numbers(attributes)(Attribute.PROCESS_MEMORY_PEAK_GROWTH) or 0
    return f"+{words.size(growth)}" if growth >= 1_000_000 else None


def charts(detail: RunDetail, now: datetime) -> list[Chart]:
    """Memory and CPU over the time of a run; none without at least two samples."""
    samples = detail.samples
    if len(samples) < 2:
        return []
    start = detail.run.started_at
    whole = max(((detail.run.ended_at or now) - start).total_seconds(), (samples[-1].time - start).total_seconds())
    return list(_charts(samples, [(sample.time - start).total_seconds() / whole for sample in samples]))


def memory_words(samples: Sequence[SampleInfo]) -> str | None:
    """``120 MB at first, 1.9 GB at most, 1.2 GB at last``."""
    known = [sample.memory for sample in samples if sample.memory is not None]
    if not known:
        return None
    first, most, last = (words.size(value) for value in (known[0], max(known), known[-1]))
    return f"{first} at first, {most} at most, {last} at last"


def sparkline(samples: Sequence[SampleInfo], width: int = 40) -> str:
    """The memory of a run as a row of bars, from zero up."""
    known = [sample.memory for sample in samples if sample.memory is not None]
    if len(known) < 2:
        return ""
    most = max(known) or 1
    count = min(width, len(known))
    highest = (max(known[len(known) * n // count : len(known) * (n + 1) // count]) for n in range(count))
    return "".join(BARS[min(len(BARS) - 1, value * len(BARS) // most)] for value in highest)


def _charts(samples: Sequence[SampleInfo], places: Sequence[float]) -> Iterator[Chart]:
    memory = [
        (place, sample.memory) for place, sample in zip(places, samples, strict=True) if sample.memory is not None
    ]
    if said := memory_words(samples):
        yield _chart("Memory of the process", said, memory)
    busiest = max(sample.cpu for sample in samples)
    yield _chart(
        "Processors busy with the process",
        f"{busiest:.2f} at most, {samples[-1].cpu:.2f} at last",
        [(place, sample.cpu) for place, sample in zip(places, samples, strict=True)],
    )


def _chart(title: str, said: str, points: Sequence[tuple[float, float]]) -> Chart:
    most = max(value for _, value in points) or 1
    placed = [(f"{place * WIDTH:.1f}", f"{HEIGHT - value / most * TOP:.1f}") for place, value in points]
    line = " ".join(map(",".join, placed))
    return Chart(title, said, line, f"{placed[0][0]},{HEIGHT} {line} {placed[-1][0]},{HEIGHT}")


_Get = Callable[[str], float | None]


def _numbers(attributes: Mapping[str, Any]) -> _Get:
    """Attributes come from anywhere: what is no number is not there."""

    def get(name: str) -> float | None:
        value = attributes.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None

    return get


def _cpu(get: _Get) -> str | None:
    user, system, thread = get(Attribute.PROCESS_CPU_USER), get(Attribute.PROCESS_CPU_SYSTEM), get(Attribute.THREAD_CPU)
    if user is None or system is None:
        return None
    said = f"{words.duration(user)} user, {words.duration(system)} system"
    return said if thread is None else f"{said}; {words.duration(thread)} of its thread"


def _memory(get: _Get) -> str | None:
    peak, growth = get(Attribute.PROCESS_MEMORY_PEAK), get(Attribute.PROCESS_MEMORY_PEAK_GROWTH)
    if peak is None:
        return None
    return f"{words.size(peak)}, {words.size(growth)} of it new" if growth else f"{words.size(peak)}, reached before"


def _disk(get: _Get) -> str | None:
    read, written = get(Attribute.PROCESS_DISK_READ), get(Attribute.PROCESS_DISK_WRITTEN)
    return f"{words.size(read or 0)} read, {words.size(written or 0)} written" if read or written else None


def _children(get: _Get) -> str | None:
    user, system = get(Attribute.CHILDREN_CPU_USER), get(Attribute.CHILDREN_CPU_SYSTEM)
    return None if user is None else f"{words.duration(user)} user, {words.duration(system or 0)} system"


def _collections(get: _Get) -> str | None:
    collections = get(Attribute.PROCESS_GC_COLLECTIONS)
    return words.count(int(collections), "collection") if collections else None


_FACTS: list[tuple[str, Callable[[_Get], str | None]]] = [
    ("CPU of the process", _cpu),
    ("CPU of subprocesses", _children),
    ("Peak memory of the process", _memory),
    ("Disk", _disk),
    ("Garbage collector", _collections),
]
