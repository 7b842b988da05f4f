"""The files of the playground as they are served, and what they may not do."""

import re
from pathlib import Path

import pytest

from headrace.playground.page import routes
from tests.pages import get

STATIC = Path(__file__).parent.parent.parent / "headrace" / "playground" / "static"
FILES = sorted(path for path in STATIC.iterdir())
CONTENTS = {path.name: path.read_bytes() for path in FILES}
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"

ROUTES = routes("headrace", "1.2.3")


async def test_a_browser_is_given_the_page() -> None:
    status, headers, body = await get(ROUTES, "/", accept=HTML)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body == CONTENTS["index.html"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
async def test_a_program_is_told_what_answers(accept: str) -> None:
    status, headers, body = await get(ROUTES, "/", accept=accept)
    assert (status, headers["content-type"], headers["vary"]) == (200, "application/json", "accept")
    assert body.startswith(b'{"name":"headrace","version":"1.2.3"')


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_file_is_served_under_a_policy_that_lets_nothing_else_in(path: Path) -> None:
    asked, accept = ("/", HTML) if path.name == "index.html" else (f"/playground/{path.name}", "*/*")
    status, headers, body = await get(ROUTES, asked, accept=accept)
    assert (status, body, headers["x-content-type-options"]) == (200, CONTENTS[path.name], "nosniff")
    policy = dict(rule.partition(" ")[::2] for rule in headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert policy["require-trusted-types-for"] == "'script'"


async def test_who_has_a_file_already_is_not_sent_it_again() -> None:
    _, headers, _ = await get(ROUTES, "/playground/app.js")
    assert headers["cache-control"] == "no-cache"
    status, _, body = await get(ROUTES, "/playground/app.js", if_none_match=headers["etag"])
    assert (status, body) == (304, b"")


async def test_no_other_file_is_served() -> None:
    for path in ("/playground/index.html", "/playground/page.py", "/playground/..%2fpage.py", "/playground/"):
        assert (await get(ROUTES, path))[0] == 404


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_asks_no_other_server_and_makes_no_markup_of_strings(path: Path) -> None:
    text = path.read_text()
    urls = set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}  # the namespace of SVG
    assert not urls
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.srcdoc", text)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", text)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix != ".svg"], ids=lambda path: path.name)
def test_a_file_stays_readable(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    assert max(len(line) for line in lines) <= 220
