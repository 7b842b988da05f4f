"""The dashboard in a browser, against a real server."""

import json
import urllib.request
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from tests.e2e.browser import Page, chromium, needs_chromium
from tests.program import Program, serving

pytestmark = [needs_chromium, pytest.mark.slow]

PAIR = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
HOSTILE = "<img/src=x/onerror=window.hit=1>"
AXE = (files("axe_core_python") / "axe.min.js").read_text()
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("models")
    for name, text in {"pair/model.fake": PAIR, "broken/model.onnx": "this is no model\n"}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    with serving(folder) as program:
        ask(program, "first")
        ask(program, HOSTILE)
        yield program


@pytest.fixture(scope="module")
def page(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(f"http://{program.http}/dashboard", tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(autouse=True)
def without_complaints(page: Page) -> Iterator[None]:
    page.complaints()
    yield
    assert not page.complaints()


def ask(program: Program, id_: str) -> None:
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
    headers = {"x-request-id": id_, "content-type": "application/json"}
    url = f"http://{program.http}/v2/models/pair/infer"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)).read()


def look(page: Page, place: str = "") -> None:
    page.driver.get("about:blank")
    page.driver.get(f"{page.url}#{place}")
    page.one("#view[data-key]")


def findings(page: Page) -> list[str]:
    """What keeps some people from using the page, as axe-core sees it."""
    page.driver.execute_script(AXE)
    told = page.run("return (await axe.run()).violations.map(({id, impact, nodes}) => [id, impact, nodes[0].html])")
    return [f"{id_}: {html}" for id_, impact, html in told if impact in SERIOUS]


def test_every_version_is_listed_and_why_one_is_not_served(page: Page) -> None:
    look(page)
    page.sees("table", "pair")
    assert "ready" in page.text("table")
    page.sees("section[aria-label='Not served']", "model.onnx: the file is not a whole ONNX model")


def test_operators_are_looked_into_when_they_are_asked_for(page: Page) -> None:
    look(page, "model=pair")
    page.one("section[aria-label='Operators'] button").click()
    page.sees("section[aria-label='Operators']", "operators of the runtime 'fake' cannot be looked into")


def test_a_model_shows_what_it_did(page: Page, program: Program) -> None:
    page.sees("#tabs", "Models")
    look(page, "model=pair")
    page.sees("h1", "pair")
    assert page.one("section[aria-label='Latency'] svg[role=img]").get_attribute("aria-label")
    page.one("section[aria-label='Latency'] summary").click()
    page.sees("section[aria-label='Latency'] table", "p99")


def test_a_request_is_found_by_its_id_and_its_time_is_shown_by_phase(page: Page) -> None:
    look(page, "view=requests")
    page.one("input[type=search]").send_keys("first")
    page.one("form button").click()
    page.sees("h1", "Request first")
    page.sees(".phases", "compute")


def test_what_clients_say_is_text_and_never_markup(page: Page) -> None:
    look(page, "view=requests")
    page.sees("table", HOSTILE)
    assert page.run("return window.hit ?? 0") == 0


@pytest.mark.parametrize("view", ["changes", "alerts", "costs", "logs"])
def test_a_view_opens_by_its_tab(page: Page, view: str) -> None:
    look(page)
    page.one(f"#tabs a[href='#view={view}']").click()
    page.one(f"#view[data-key={view}]")
    assert str(page.one("#tabs a[aria-current=page]").get_attribute("href")).endswith(f"view={view}")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "model=pair", "view=requests", "view=alerts"])
def test_people_who_do_not_see_the_page_can_use_it(page: Page, place: str, theme: str) -> None:
    look(page, place)
    page.driver.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
    assert not findings(page)


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    size = page.driver.get_window_size()
    try:
        page.driver.set_window_size(390, 844)
        for place in ("", "model=pair", "view=requests"):
            look(page, place)
            assert page.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    finally:
        page.driver.set_window_size(size["width"], size["height"])


def test_on_a_phone_the_tab_that_is_shown_is_in_sight(page: Page) -> None:
    size = page.driver.get_window_size()
    try:
        page.driver.set_window_size(390, 844)
        look(page, "view=log")
        beyond = "document.querySelector('#tabs [aria-current]').getBoundingClientRect().right - innerWidth"
        assert page.run(f"return {beyond}") <= 0
    finally:
        page.driver.set_window_size(size["width"], size["height"])


def test_the_page_goes_from_link_to_link_by_the_keyboard(page: Page) -> None:
    look(page)
    page.run("document.querySelector('td a, th a').focus()")
    assert page.run("return document.activeElement.matches(':focus-visible')")
    page.run("document.activeElement.click()")
    page.sees("h1", "broken")


def test_a_page_that_is_left_open_shows_what_is_new(page: Page, program: Program, tmp_path: Path) -> None:
    look(page)
    page.sees(".glance", "1 of 2")
    page.run("document.querySelector('#period').value = '900'; document.querySelector('#period').onchange()")
    page.sees("#foot", "headrace")
