"""What of the store somebody may see: the runs of some jobs and services."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["EVERYTHING", "Visibility"]


class Visibility(NamedTuple):
    """``patterns`` are names of jobs or of services, with ``*`` for any characters; None: everything may be seen.

    A run may be seen where its job or its service is one of these. Upper and lower case differ.
    """

    patterns: tuple[str, ...] | None = None

    def sees(self, job: str, service: str) -> bool:
        """Whether the runs of a job may be seen, as :attr:`like` has it in SQL."""
        return self.patterns is None or any(
            re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL)
            for pattern in self.patterns
            for name in (job, service)
        )

    @property
    def like(self) -> list[str] | None:
        """The parameter ``seen`` of the queries: for ``like any``, or None."""
        if self.patterns is None:
            return None
        return [re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%") for pattern in self.patterns]


EVERYTHING = Visibility()
