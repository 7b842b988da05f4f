"""The files of the dashboard as they are served, and what they may not do."""

import re
from pathlib import Path

import pytest

from headrace.dashboard.page import routes
from tests.pages import get

STATIC = Path(__file__).parent.parent.parent / "headrace" / "dashboard" / "static"
FILES = sorted(STATIC.iterdir())
CONTENTS = {path.name: path.read_bytes() for path in FILES}
MOST_BYTES = 300_000
"""Of all that the page loads."""


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/"])
async def test_the_page_has_an_address(path: str) -> None:
    status, headers, body = await get(routes(), path)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body == CONTENTS["index.html"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_file_is_served_under_a_policy_that_lets_nothing_else_in(path: Path) -> None:
    asked = "/dashboard" if path.name == "index.html" else f"/dashboard/{path.name}"
    status, headers, body = await get(routes(), asked)
    assert (status, body, headers["x-content-type-options"]) == (200, CONTENTS[path.name], "nosniff")
    policy = dict(rule.partition(" ")[::2] for rule in headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'self'", "'none'")
    assert policy["require-trusted-types-for"] == "'script'"


async def test_no_other_file_is_served() -> None:
    for path in ("/dashboard/index.html", "/dashboard/page.py", "/dashboard/..%2fpage.py"):
        assert (await get(routes(), path))[0] == 404


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_asks_no_other_server_and_makes_no_markup_of_strings(path: Path) -> None:
    text = path.read_text()
    assert not set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}  # the namespace of SVG
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.srcdoc", text)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_stays_readable(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    assert max(len(line) for line in lines) <= 240


def test_the_page_is_small() -> None:
    shared = STATIC.parent.parent / "playground" / "static"
    loaded = [*FILES, *(shared / name for name in ("base.css", "dom.js", "store.js", "theme.js", "icon.svg"))]
    assert sum(path.stat().st_size for path in loaded) <= MOST_BYTES
