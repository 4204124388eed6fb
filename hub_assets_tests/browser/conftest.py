"""A headless Chromium, and the report's site on disk and over HTTP.

The browser is the system's (`chromium` or `google-chrome`), because Playwright's own is a separate download. Without
one, the tests fail rather than skip.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from hub_assets_tests.report.site.conftest import site, two_week_home
from hub_assets_tests.report.site.test_hostile import hostile_site

__all__ = ["hostile_site", "site", "two_week_home"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's browser while the block runs.

    Dagster's event loop cannot run inside Playwright's, and the same worker also runs files that use Dagster. So a
    browser starts only after the pages it shows are built, and closes at the end of its test file.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, f"the browser tests need one of {', '.join(PROGRAMS)}; install Debian's package chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def browser(site: Path) -> Iterator[Browser]:
    """One browser per test file, started once the site is built."""
    with chromium() as opened:
        yield opened


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Open]:
    """A function that opens a page of the site; the test fails if any page logs an error or contacts another host."""
    faults: list[str] = []
    contexts = []

    def open_(name: str, *, base: str | None = None, width: int = 1024, **options: Any) -> Page:
        start = base or site.as_uri()
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(60_000)  # the machine may be busy
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith((start, "data:")) else faults.append(request.url)
        )
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        page.goto(f"{start}/{name}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def serious_faults(page: Page) -> list[tuple[str, str, str]]:
    """Return what axe finds serious or critical on a page: the rule, the first element and how to mend it."""
    # with preloading, axe would request the style sheets again, which the pages' policy forbids
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        (fault["id"], fault["nodes"][0]["html"][:200], fault["nodes"][0]["failureSummary"])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(site: Path) -> Iterator[str]:
    """The site on a plain web server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as serving:
        thread = Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()
