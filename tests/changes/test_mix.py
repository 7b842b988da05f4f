"""How traffic moved of late."""

import pytest

from headrace.changes.mix import moves
from headrace.changes.slots import no_slots
from tests.changes.world import Load, World


def world() -> World:
    made = World(7, {"m": Load(rate=30, rows=2)})
    made.run(50)
    return made


def test_rows_tenants_rate_and_requests_that_are_wrong_are_told() -> None:
    made = world()
    at = made.now_s
    own = made.models["m"]
    own.rows, own.rate, own.client_errors, own.tenants = 9, 90, 0.2, {"a": 0.1, "b": 0.9}
    made.run(30)
    found = list(moves(made.changes.account("m", 3600).own))
    assert {move.kind for move in found} == {"traffic", "schema"}
    assert sorted(move.text.partition(" went ")[0] for move in found) == [
        "requests a second",
        "requests that are not what the model takes",
        "rows of a request",
        "the share of tenant 'a'",
        "the share of tenant 'b'",
    ]
    assert all(move.at == pytest.approx(at, abs=3) for move in found)


def test_traffic_as_usual_is_none() -> None:
    made = world()
    assert not list(moves(made.changes.account("m", 3600).own))
    assert not list(moves(no_slots()))
