"""A headless Chromium that looks at a page on disk and takes down all that it complains of or asks for."""

import contextlib
import dataclasses
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

BINARIES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@dataclasses.dataclass
class Heard:
    """What a page said on the console, threw, and asked for."""

    complaints: list[str] = dataclasses.field(default_factory=list)
    requests: list[str] = dataclasses.field(default_factory=list)

    def beyond(self, folder: Path) -> list[str]:
        """Return what was asked for that does not lie in a folder."""
        inside = (folder.as_uri() + "/", "data:")
        return [url for url in self.requests if not url.startswith(inside)]


@contextlib.contextmanager
def chromium() -> Generator[Any, None, None]:
    """Yield a browser; skips the test, saying why, where there is none."""
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary is None:
        pytest.skip(f"the page is tried in Chromium, and none of {', '.join(BINARIES)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="the page is tried with playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=binary, args=OPTIONS)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Any, path: Path, hash_: str = "", **options: Any) -> Generator[tuple[Any, Heard], None, None]:
    """Yield a page opened from disk, and what is heard of it."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
    page, heard = context.new_page(), Heard()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: heard.complaints.append(message.text))
    page.on("pageerror", lambda error: heard.complaints.append(str(error)))
    page.on("request", lambda request: heard.requests.append(request.url))
    page.goto(path.as_uri() + hash_)
    yield page, heard
    context.close()
