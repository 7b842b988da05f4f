"""What changed, over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace.protocols.watch.why_routes import WhyRoutes
from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub


async def why(name: str, since_s: float) -> Mapping[str, Any]:
    return {"findings": [{"name": name, "since": since_s}]}


ROUTES = WhyRoutes(why, lambda name: name == "a/b").routes()


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("a%2Fb", 200, {"findings": [{"name": "a/b", "since": 3600.0}]}),
        ("a/b?since=60", 200, {"findings": [{"name": "a/b", "since": 60.0}]}),
        ("gone", 404, None),
        ("a/b?since=0", 400, None),
        ("a/b?since=nan", 400, None),
        ("a/b?since=<script>", 400, None),
    ],
)
async def test_findings_are_told_of_a_model_that_is_known(path: str, status: int, told: object) -> None:
    async with serving(Stub(), more=ROUTES) as (port, _), connected(port) as wire:
        answer = await wire.ask("GET", f"/v2/headrace/why/{path}")
    assert answer.status == status
    if told:
        assert answer.json == told
    else:
        assert "since" in answer.json["error"] or "not in the repository" in answer.json["error"]
