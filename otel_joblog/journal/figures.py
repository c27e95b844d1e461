"""What this process has shipped, exporter by exporter, since it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..records import Line, Record, SpanEnded, Told

__all__ = ["Figures", "figures", "figures_of"]


@dataclass(slots=True)
class Figures:
    spans: int = 0  # ended ones taken by the exporter
    lines: int = 0
    retries: int = 0  # batches that were not taken at once
    refused: int = 0  # records that were set aside

    def took(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, Line):
                self.lines += 1
            elif isinstance(record, SpanEnded):
                self.spans += 1
            elif isinstance(record, Told):
                self.took(record.records)


figures: dict[str, Figures] = {}  # by the exporters' names


def figures_of(exporter: str) -> Figures:
    return figures.setdefault(exporter, Figures())
