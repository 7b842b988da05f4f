"""What the dashboard asks for, and what is wrong with a question."""

import json

import pytest

from headrace.dashboard.overview import overview
from headrace.errors import InvalidRequest
from headrace.protocols.watch.dashboard_routes import DashboardRoutes
from headrace.types import VersionStatus
from tests.pages import get

ASKED: list[tuple[str, int | None, float, int]] = []


async def _lines(name: str, version: int | None, since_s: float, steps: int) -> object:
    ASKED.append((name, version, since_s, steps))
    return {"since": 1}


ROUTES = DashboardRoutes(
    lambda: overview([VersionStatus("m", 1, "READY")], {}, 5, {}, {}, {}, {}), lambda: {"name": "headrace"}, _lines
).routes()


async def test_the_overview_is_the_server_and_every_version() -> None:
    status, _, body = await get(ROUTES, "/v2/headrace/overview")
    told = json.loads(body)
    assert (status, told["server"], told["models"][0]["name"]) == (200, {"name": "headrace"}, "m")


async def test_history_is_asked_for_by_model_time_and_steps() -> None:
    await get(ROUTES, "/v2/headrace/history/a b", "since=600&steps=10&version=2")
    await get(ROUTES, "/v2/headrace/history/m")
    assert ASKED == [("a b", 2, 600, 10), ("m", None, 3600, 720)]


@pytest.mark.parametrize(
    "query", ["since=soon", "since=0", "since=nan", "steps=0", "steps=1.5", "version=x", "version=1.5"]
)
async def test_a_wrong_number_is_named(query: str) -> None:
    with pytest.raises(InvalidRequest, match=r"is not a (whole )?number from") as caught:
        await get(ROUTES, "/v2/headrace/history/m", query)
    assert caught.value.where == query.partition("=")[0]


async def test_the_most_that_may_be_asked_for_is_written_out() -> None:
    with pytest.raises(InvalidRequest, match="'1e9' is not a number from 60 to 3,024,000"):
        await get(ROUTES, "/v2/headrace/history/m", "since=1e9")
