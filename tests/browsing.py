"""Pages in a real headless Chromium."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

__all__ = ["browser_page", "chromium", "quiet_page"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 40_000  # milliseconds: other things may keep the machine busy
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here (tests/install-chromium.sh installs it where it may)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def quiet_page(browser: Browser, **context: Any) -> Iterator[Page]:
    """A page in a context of its own. In the end nothing may have been complained about, by script or policy."""
    complaints: list[str] = []
    with browser.new_context(**context) as opened:
        page = opened.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield page
    assert complaints == []


@contextlib.contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser of its own."""
    with chromium() as browser, quiet_page(browser) as page:
        yield page
