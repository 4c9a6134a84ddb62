"""A real server and a real browser. Every page notes console errors and requests to other hosts, and fails on either."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.runs import cancel_run, list_runs
from tests.e2e.app_server import BUSY, COLD

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = re.compile(r"/[a-z]+/_stcore/(health|host-config)$")
"""On a deep link Streamlit's own client first asks below the page's address, is told 404, and asks at the root."""

expect.set_options(timeout=30_000)

LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Server:
    """A running app: its address and the folder its user data go to."""

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def restart(self) -> None:
        """Ends the server and starts another on the same user data, at a new address."""
        self.stop()
        self.__dict__.update(start_server(self.home.parent).__dict__)

    def forget_visitors(self) -> None:
        """Makes the process what it was before anybody talked to it, once its last visitor has gone."""
        pause, told, asked = threading.Event(), re.compile(rf"^({COLD}|{BUSY})$", re.MULTILINE), -1
        for _ in range(600):
            answers = told.findall(self.log.read_text())
            if asked >= 0 and answers[asked:] == [COLD]:
                return
            if len(answers) != asked:
                asked = len(answers)
                self.process.send_signal(signal.SIGUSR1)
            pause.wait(0.1)
        raise RuntimeError(f"The app did not forget its visitors:\n{self.log.read_text()}")


def start_server(folder: Path) -> Server:
    """The real app on a free port, with its own user-data folder; ready when this returns."""
    home, log = folder / "home", folder / "server.log"
    home.mkdir(parents=True, exist_ok=True)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}"]
    command = [sys.executable, "-m", "tests.e2e.app_server", "run", "app.py", *options]
    environment = {**os.environ, "GATESCOPE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with open(log, "ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    server = Server(f"http://127.0.0.1:{port}", home, log, process)
    pause = threading.Event()
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1)
            return server
        except (urllib.error.URLError, OSError):
            pause.wait(0.1)
    process.kill()
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of this machine; without one the tests are skipped, and fail where CI is set."""
    path = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if path is None:
        reason = "no chromium, chromium-browser or google-chrome on PATH"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with playwright_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=LAUNCH)
        yield started
        started.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that do not mind who used it before."""
    running = start_server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def fresh_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server process nobody has talked to yet; runs it started end with it."""
    running = start_server(tmp_path)
    monkeypatch.setenv("GATESCOPE_HOME", str(running.home))
    yield running
    running.stop()
    for run in list_runs():
        cancel_run(run.id)


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """What the pages of all tests share is the cache of the app's own files, as in a browser that was there before."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.add_init_script("try { localStorage.clear() } catch { /* a blank page has none */ }")
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A page of 1440 by 900; at the end nothing may have gone to the console as an error, nor to another host."""
    opened = window.new_page()
    opened.set_default_timeout(60_000)
    errors: list[str] = []
    foreign: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.search(message.location.get("url", "")):
            errors.append(f"{message.text} ({message.location.get('url')})")

    def on_request(request: Request) -> None:
        if not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", request.url):
            foreign.append(request.url)

    opened.on("console", on_console)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", on_request)
    yield opened
    opened.close()
    assert errors == [], "errors on the browser's console"
    assert foreign == [], "requests to other hosts"


@pytest.fixture(scope="session")
def settled() -> Callable[[Page], None]:
    """Waits until the script has run to its end and the page shows no exception."""

    def wait(page: Page) -> None:
        expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
        expect(page.locator("[data-testid=stMain] h1").first).to_be_visible(timeout=60_000)
        expect(page.locator("[data-testid=stException]")).to_have_count(0)

    return wait
