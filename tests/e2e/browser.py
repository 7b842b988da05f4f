"""A headless Chromium, and what a test does with a page."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

T = TypeVar("T")

PATIENCE_S = 20
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,900",
)

needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="chromium and chromedriver are not installed (Debian package chromium-driver)",
)


class Page:
    """A page that is open, as a user sees it; elements are named by CSS."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, model: str = "", view: str = "") -> None:
        """Anew, with nothing of the page before."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/#model={model}&view={view}" if model else self.url)

    def one(self, css: str) -> WebElement:
        """Wait for an element that can be seen."""
        return self._wait(lambda: next(each for each in self.all(css) if each.is_displayed()), css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """Of all such elements, a line each."""
        return "\n".join(each.text for each in self.all(css))

    def sees(self, css: str, text: str) -> None:
        """Wait until such an element has the text in it."""
        self._wait(lambda: text in self.text(css), f"{text!r} in {css}")

    def say(self, text: str) -> None:
        self.one(".composer textarea").send_keys(text, Keys.ENTER)

    def run(self, script: str) -> Any:
        """What the script, the body of an async function, returns."""
        return self.driver.execute_async_script(
            f"const done = arguments[0]; (async () => {{ {script} }})().then(done, error => done(`failed: ${{error}}`))"
        )

    def complaints(self) -> list[str]:
        """Of the browser since it was asked last: faults of scripts, and what the page's policy has stopped."""
        entries: list[dict[str, str]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["source"] != "network"]

    def _wait(self, found: Callable[[], T], wanted: str) -> T:
        def tried(_: object) -> T | Literal[False]:
            try:
                return found()
            except (StopIteration, StaleElementReferenceException):  # it was shown anew in the meantime
                return False

        return WebDriverWait(self.driver, PATIENCE_S, 0.02).until(tried, f"{wanted} does not come")


@contextmanager
def chromium(url: str, profile: Path) -> Iterator[Page]:
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(PATIENCE_S)
        yield Page(driver, url)
    finally:
        driver.quit()
