"""The report as a page."""

import re

import msgspec

from headrace.bench.load import Objective
from headrace.bench.page import page
from tests.bench.reports import OBJECTIVE, report


def test_a_page_needs_nothing_else() -> None:
    made = page(report(streams=True), OBJECTIVE)
    assert not re.findall(r"(?:src|href)=", made)
    assert "url(" not in made
    assert "<script" not in made
    assert "default-src 'none'" in made


def test_what_others_wrote_is_shown_as_text() -> None:
    made = page(report(), OBJECTIVE)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made
    assert "429 &lt;b&gt;" in made


def test_what_ended_early_and_what_is_in_doubt_stands_at_the_top() -> None:
    made = page(report(ended="the server was gone"), OBJECTIVE)
    assert made.index("the server was gone") < made.index("class=cards")


def test_the_figures_that_matter_are_large() -> None:
    cards = page(report(), OBJECTIVE).partition("class=cards")[2].partition("</section>")[0]
    assert re.findall(r"<p>(.*?)</p>", cards) == [
        "highest throughput",
        "highest goodput",
        "holds up to",
        "knee",
        "lowest p50",
    ]


def test_an_empty_report_is_a_page_too() -> None:
    empty = msgspec.structs.replace(report(ended="nothing was answered"), steps=[], best=None, knee=None)
    assert "nothing was answered" in page(empty, Objective())
