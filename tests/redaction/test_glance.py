"""A glance at many lines at once."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from otel_joblog.redaction.glance import Glance


def test_threads_share_a_glance_from_the_first_moment_on() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            glance, together = Glance(), threading.Barrier(4)

            def look(glance: Glance = glance, together: threading.Barrier = together) -> list[int]:
                together.wait()
                return sorted(glance.suspicious(b"nothing here\npassword=hunter2\nAKIAIOSFODNN7EXAMPLE"))

            with ThreadPoolExecutor(4) as pool:
                assert [one.result() for one in [pool.submit(look) for _ in range(4)]] == [[1, 2]] * 4
    finally:
        sys.setswitchinterval(before)
