"""The dashboard in a headless Chromium: how soon something is painted, and how much is loaded for it.

    python -m benchmarks.bench_dashboard [--loads 10]

Each load begins with an empty cache. Needs chromium and chromedriver (Debian package chromium-driver).
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.results import keep, spread
from benchmarks.server import headrace, only
from tests.e2e.browser import Page, chromium

FIGURES = """
    const [page] = performance.getEntriesByType('navigation');
    const paints = performance.getEntriesByType('paint');
    const loaded = performance.getEntriesByType('resource');
    return {
      paint_ms: paints.find(({ name }) => name === 'first-contentful-paint').startTime,
      bytes: loaded.reduce((total, { transferSize }) => total + transferSize, page.transferSize),
      files: loaded.length + 1,
    };
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=10)
    loads = parser.parse_args().loads
    with (
        only("add_sub", "minilm") as repository,
        headrace(repository) as address,
        tempfile.TemporaryDirectory() as profile,
        chromium(f"http://{address.http}", Path(profile)) as page,
    ):
        page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
        told = [_load(page) for _ in range(loads)]
    keep("dashboard", {name: spread([float(each[name]) for each in told]) for name in told[0]})


def _load(page: Page) -> dict[str, Any]:
    page.driver.get("about:blank")
    page.driver.get(f"{page.url}/dashboard")
    page.sees("table", "minilm")
    figures: dict[str, Any] = page.run(FIGURES)
    return figures


if __name__ == "__main__":
    main()
