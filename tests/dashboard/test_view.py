"""What the page is answered by a server."""

from typing import Any

import pytest

from headrace.dashboard.view import Live, View, memory_of
from headrace.errors import ModelNotFound
from headrace.history.history import History
from headrace.observe.tally import Tally, VersionTally
from headrace.records import RequestRecord
from headrace.types import Backlog, BatchFacts, ModelVersion, VersionStatus
from tests.observe.make import hand_on

VERSION = ModelVersion("m", 1)
MEMORY: dict[str, Any] = {
    "measured_bytes": 1000,
    "budget_bytes": None,
    "models": [
        {"name": "m", "version": "1", "measured_bytes": 300},
        {"name": "n", "version": "1", "measured_bytes": 0},
    ],
}


def _view(history: History) -> View:
    live = Live(
        lambda: [VersionStatus("m", 1, "READY")],
        lambda: [(VERSION, Backlog(2, 1))],
        lambda: MEMORY,
        lambda: [(VERSION, 0.5)],
        lambda name: {"stable": 1, "tried": 1},
        lambda: 7,
    )
    return View(history, live, lambda: 1_000_000_005.5, "headrace", "1.2.3")


async def test_rows_facts_and_lines_are_of_the_running_server() -> None:
    tally = Tally()
    tally.versions["m", 1] = VersionTally(0.0)
    history = History(None, lambda: (tally.versions, {}, {}), lambda: 1_000_000_005.5)
    await history.start()
    hand_on([RequestRecord("r", "m", 1, "http", 1, 0, 0, 90_000, BatchFacts(1, 1, "idle", 0, 0))], tally)
    await history.step()
    view = _view(history)
    (row,) = view.rows()
    assert (row.rate, row.queued, row.memory_bytes, row.share, row.labels) == (0.2, 2, 300, 0.5, ("stable", "tried"))
    facts = view.facts()
    assert (facts["name"], facts["version"], facts["in_flight"], facts["memory_bytes"]) == (
        "headrace",
        "1.2.3",
        7,
        1000,
    )
    told = await view.lines("m", None, 60, 720)
    assert sum(told["all"]["rate"]) == 0.2
    assert len(told["all"]["rate"]) == 12
    await history.close()


async def test_of_a_model_that_did_nothing_there_are_no_lines_and_one_that_is_not_there_is_told() -> None:
    history = History(None, lambda: ({}, {}, {}), lambda: 1_000_000_005.5)
    await history.start()
    view = _view(history)
    assert (await view.lines("m", None, 60, 720))["versions"] == {}
    with pytest.raises(ModelNotFound, match="model 'nobody' is not in the repository"):
        await view.lines("nobody", None, 60, 720)
    await history.close()


async def test_of_a_model_that_has_gone_it_tells_what_is_left() -> None:
    gone = Tally()
    gone.versions["n", 1] = VersionTally(0.0)
    history = History(None, lambda: (gone.versions, {}, {}), lambda: 1_000_000_005.5)
    await history.start()
    hand_on([RequestRecord("r", "n", 1, "http", 1, 0, 0, 90_000, BatchFacts(1, 1, "idle", 0, 0))], gone)
    await history.step()
    assert list((await _view(history).lines("n", None, 60, 720))["versions"]) == ["1"]
    await history.close()


def test_memory_that_was_not_measured_is_not_told() -> None:
    assert memory_of(MEMORY) == {VERSION: 300}
    assert memory_of({}) == {}
