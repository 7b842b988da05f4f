"""What models promise is told of one model, or of all."""

import json
from typing import Any

from headrace.protocols.watch.slo_routes import SloRoutes
from tests.pages import get


def _slo(name: str) -> dict[str, Any]:
    return {"model": name, "objectives": []}


ROUTES = SloRoutes(_slo, lambda: [_slo("a"), _slo("b")]).routes()


async def test_one_model_is_asked_for_by_its_name() -> None:
    status, _, body = await get(ROUTES, "/v2/headrace/slo/a b")
    assert (status, json.loads(body)["model"]) == (200, "a b")


async def test_all_models_are_told_together() -> None:
    _, _, body = await get(ROUTES, "/v2/headrace/slo")
    assert [each["model"] for each in json.loads(body)["models"]] == ["a", "b"]
