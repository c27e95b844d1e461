"""What an account may do."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Role"]


class Role(StrEnum):
    """``VIEWER`` reads, ``OPERATOR`` reads and changes, ``INGEST`` sends OTLP and can do nothing else."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    INGEST = "ingest"

    def may(self, needed: Role) -> bool:
        """Whether who has this role may do what asks for the other one."""
        return self is needed or (self is Role.OPERATOR and needed is Role.VIEWER)
