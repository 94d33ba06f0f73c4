"""A real Chromium on a real server. What a page logs, violates or asks of other machines fails its test."""

import json
import os
import random
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, sync_playwright
from werkzeug.serving import make_server

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build/screenshots"
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
REPORT_VIOLATIONS = """document.addEventListener("securitypolicyviolation", event =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"""


def find_chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next(filter(None, found), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one module: while Playwright runs, so does its event loop, and other modules need theirs."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium here: install one, or name it in CHROMIUM"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def find_free_port() -> int:
    """A free port below the ephemeral ones, which other tests' clients take at any moment."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not a secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@pytest.fixture
def server_url(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", find_free_port(), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Window:
    """One browser window on our server. `complaints` is what went wrong that no test asked for."""

    def __init__(self, context: BrowserContext, server_url: str) -> None:
        self.server_url = server_url
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.add_init_script(REPORT_VIOLATIONS)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._note_request)

    def open(self, path: str) -> Page:
        self.page.goto(self.server_url + path)
        return self.page

    def overflows(self) -> bool:
        """Tell whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def find_axe_violations(self, but: str | None = None) -> list[str]:
        """List each broken rule with its elements; `but` is a selector of what isn't ours."""
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "async but => (await axe.run({exclude: but ? [[but]] : []})).violations"
            ".map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; '))",
            but,
        )
        return [str(violation) for violation in found]

    def _note_message(self, message: ConsoleMessage) -> None:
        # Chromium logs a page's own 401 or 404, which the test asked for; an asset's has another address.
        is_page_status = message.text.startswith("Failed to load resource: the server responded with") and (
            message.location.get("url") == self.page.url
        )
        if not is_page_status:
            self.complaints.append(f"{message.type}: {message.text} {json.dumps(message.location)}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.server_url + "/", "data:")):
            self.complaints.append(f"left the machine: {request.url}")


OpenWindow = Callable[..., Window]


@pytest.fixture
def open_window(chromium: Browser, server_url: str) -> Iterator[OpenWindow]:
    windows: list[Window] = []

    def open_one(*, scheme: str = "light", width: int = 1280, javascript: bool = True) -> Window:
        context = chromium.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 800},
            java_script_enabled=javascript,
        )
        context.set_default_timeout(15_000)
        windows.append(Window(context, server_url))
        return windows[-1]

    yield open_one
    complaints = [complaint for window in windows for complaint in window.complaints]
    for window in windows:
        window.page.context.close()
    assert complaints == []


@pytest.fixture(params=["light", "dark", "light-360", "dark-360"])
def look(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def window(open_window: OpenWindow, look: str) -> Window:
    """A window in each of the looks that every page is to be good in."""
    scheme, _, width = look.partition("-")
    return open_window(scheme=scheme, width=int(width or 1280))


@pytest.fixture
def take_screenshot(window: Window, look: str) -> Callable[..., None]:
    """Takes a picture of the whole page, or of one element of it, for people to look at."""

    def take(name: str, element: Locator | None = None) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}-{look}.png"
        if element is None:
            window.page.screenshot(path=path, full_page=True)
        else:
            element.screenshot(path=path)

    return take
