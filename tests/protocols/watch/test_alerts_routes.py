"""Alerts are told, silenced, and silences taken back; a body that is wrong is refused by its field."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from headrace.errors import HeadraceError, NotFound
from headrace.protocols.http import on_error
from headrace.protocols.watch.alerts_routes import AlertsRoutes


class Alerts:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.silenced: list[Any] = []

    def told(self) -> dict[str, Any]:
        return {"alerts": [{"labels": {"model": "<script>"}}], "silences": self.silenced, "receivers": []}

    async def silence(self, match: Mapping[str, str], for_s: float, reason: str) -> dict[str, Any]:
        self.silenced.append([match, for_s, reason])
        return {"id": "1"}

    async def unsilence(self, silence_id: str) -> None:
        if silence_id != "1":
            raise NotFound("there is no such silence")
        self.silenced.clear()


@pytest.fixture
def client() -> TestClient:
    alerts = Alerts()
    routes = AlertsRoutes(alerts.told, alerts.silence, alerts.unsilence).routes()
    return TestClient(Starlette(routes=routes, exception_handlers={HeadraceError: on_error}))


def test_alerts_are_told(client: TestClient) -> None:
    answer = client.get("/v2/headrace/alerts")
    assert answer.json()["alerts"] == [{"labels": {"model": "<script>"}}]
    assert answer.headers["content-type"] == "application/json"


def test_a_silence_is_made_and_taken_back(client: TestClient) -> None:
    made = client.post("/v2/headrace/alerts", json={"match": {"model": "m"}, "for_s": 60, "reason": "deploying"})
    assert (made.status_code, made.json()) == (200, {"id": "1"})
    assert client.get("/v2/headrace/alerts").json()["silences"] == [[{"model": "m"}, 60.0, "deploying"]]
    assert client.delete("/v2/headrace/alerts/silences/1").status_code == 200
    assert client.delete("/v2/headrace/alerts/silences/2").status_code == 404
    assert client.get("/v2/headrace/alerts").json()["silences"] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"for_s": 60}, "match: is missing"),
        ({"match": {"model": "m"}}, "for_s: is missing"),
        ({"match": {"model": 3}, "for_s": 60}, "match.model: expected a string, got an integer"),
        ({"match": {"model": "m"}, "for_s": "60"}, "for_s: expected a number, got a string"),
        ({"match": {"model": "m"}, "for": 60}, "for: is not known here; did you mean 'for_s'?"),
    ],
)
def test_a_body_that_is_wrong_is_refused_by_its_field(client: TestClient, body: object, said: str) -> None:
    answer = client.post("/v2/headrace/alerts", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == said
