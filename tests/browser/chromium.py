"""Debian's Chromium, headless, driven by Selenium, and what it has to say of a page."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

MISSING = [name for name in ("selenium", "axe_playwright_python") if find_spec(name) is None]
MISSING += [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
"""What the tests of pages need and do not find."""

HEIGHT = 1000
PHONE = 600
"""Widths, in CSS pixels, below this are those of a phone."""


class Browser:
    """One window without a network."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.command("Network.enable")
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.command("Network.emulateNetworkConditions", **offline)

    def command(self, name: str, **arguments: Any) -> Any:
        """Chromium's answer to a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def open(
        self, page: Path, width: int = 1400, dark: bool = False, scripts: bool = True
    ) -> Browser:
        """Load a page from disk; the browser itself."""
        phone = width < PHONE
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": phone}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.colours(dark)
        self.command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.requests(), self.messages()  # those of the page before
        self.driver.get(page.resolve().as_uri())
        return self

    def colours(self, dark: bool) -> None:
        """Ask for a dark or a light page, as the system's setting does."""
        wanted = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", media="", features=[wanted])

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns that runs in the page."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def every(self, selector: str) -> list[Any]:
        """All elements of a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        logged = [json.loads(line["message"]) for line in self.driver.get_log("performance")]
        sent = [entry["message"] for entry in logged]
        return [
            message["params"]["request"]["url"]
            for message in sent
            if message["method"] == "Network.requestWillBeSent"
        ]

    def messages(self) -> list[str]:
        """Warnings and errors of the console since the last call."""
        logged = self.driver.get_log("browser")
        return [line["message"] for line in logged if line["level"] in ("WARNING", "SEVERE")]

    def axe(self) -> list[dict[str, Any]]:
        """What axe-core finds against accessibility, with its impact and the elements."""
        spec = find_spec("axe_playwright_python")
        script = Path(spec.submodule_search_locations[0]) / "axe.min.js"
        self.run(script.read_text())
        asked = "axe.run().then(arguments[0], e => arguments[0]({failed: String(e)}))"
        found = self.driver.execute_async_script(asked)
        assert "failed" not in found, found
        return found["violations"]

    def screenshot(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        taken = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def pdf(self) -> bytes:
        """The page as it is printed, on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": False}
        return base64.b64decode(self.command("Page.printToPDF", **paper)["data"])


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own, which ends with the block."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Without a sandbox, since root has none; every page is one of ours.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    with patch.dict(os.environ, no_proxy="localhost", NO_PROXY="localhost"):
        driver = webdriver.Chrome(options=options, service=service)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
