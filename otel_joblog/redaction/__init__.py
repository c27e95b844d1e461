"""Secrets are taken out of records before a byte of them is written, to the journal or to anything else."""

from __future__ import annotations

from .redactor import Redactor, Unredacted, make_redactor

__all__ = ["Redactor", "Unredacted", "make_redactor"]
