"""The books are told by tenant, model or version."""

import pytest

from headrace.costs.account import REQUESTS, TOKENS, Entry
from headrace.costs.report import rows

S = 1_000_000_000
ENTRIES = [
    Entry("a", "m", "1", "serve", 3 * S),
    Entry("a", "m", "1", REQUESTS, 500),
    Entry("b", "m", "2", "serve", 4 * S),
    Entry("b", "m", "2", TOKENS, 2000),
    Entry("", "n", "1", "load", S),
]


def test_by_tenant_the_most_costly_is_first() -> None:
    told = rows(ENTRIES, "tenant", 0.0)
    assert [(row["tenant"], row["device_s"]) for row in told] == [("b", 4.0), ("a", 3.0), ("", 1.0)]


def test_by_model_versions_are_added_up() -> None:
    first, second = rows(ENTRIES, "model", 0.0)
    assert (first["model"], first["device_s"], first["phases"]) == ("m", 7.0, {"serve": 7.0})
    assert (second["model"], second["phases"]) == ("n", {"load": 1.0})


def test_by_version_both_are_named() -> None:
    assert {(row["model"], row["version"]) for row in rows(ENTRIES, "version", 0.0)} == {
        ("m", "1"),
        ("m", "2"),
        ("n", "1"),
    }


def test_with_a_price_requests_and_tokens_have_theirs() -> None:
    tokens, requests, load = rows(ENTRIES, "version", 0.5 / S)
    assert (tokens["usd"], tokens["usd_per_million_tokens"], tokens["usd_per_1000_requests"]) == (2.0, 1000.0, None)
    assert (requests["usd"], requests["usd_per_1000_requests"]) == (1.5, pytest.approx(3.0))
    assert load["usd"] == 0.5


def test_without_a_price_no_money_is_told() -> None:
    assert not [key for row in rows(ENTRIES, "tenant", 0.0) for key in row if "usd" in key]
