"""The environment as it was given to us: CPython adds to it before any of our code runs (PEP 538)."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["given_environment"]


def given_environment() -> Mapping[str, str]:
    """``os.environ``, but with ``LC_CTYPE`` as whoever started us has set it or not, where the locale is C."""
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123
            variables = file.read().split(b"\0")
    except OSError:  # where there is no such thing, nobody knows
        return os.environ
    name = b"LC_CTYPE="
    given = next((os.fsdecode(each[len(name) :]) for each in variables if each.startswith(name)), None)
    environ = dict(os.environ)
    del environ["LC_CTYPE"]
    return environ if given is None else environ | {"LC_CTYPE": given}
