"""Requests are looked up over HTTP, and one that is not known is told as that."""

import json
from typing import Any

import pytest
from starlette.requests import Request

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.watch.requests_routes import RequestsRoutes


def _routes(asked: list[Any] | None = None) -> RequestsRoutes:
    def latest(*arguments: Any) -> list[dict[str, Any]]:
        if asked is not None:
            asked.append(arguments)
        return [{"id": "r"}]

    known = "a/b", "x" * 128
    return RequestsRoutes(lambda id_: {"id": id_} if id_ in known else None, latest)


def _request(query: str = "", id_: str = "") -> Request:
    return Request({"type": "http", "query_string": query.encode(), "path_params": {"id": id_}, "headers": []})


async def test_a_request_is_told_by_its_id_whatever_that_holds() -> None:
    answer = await _routes().waterfall(_request(id_="a/b"))
    assert json.loads(bytes(answer.body)) == {"id": "a/b"}


async def test_one_is_found_by_the_whole_of_an_id_that_is_kept_to_a_length() -> None:
    answer = await _routes().waterfall(_request(id_="x" * 200))
    assert json.loads(bytes(answer.body)) == {"id": "x" * 128}


async def test_one_that_is_not_known_is_told_to_be_older_or_never_to_have_come() -> None:
    with pytest.raises(NotFound, match=r"is older than the last 10,000"):
        await _routes().waterfall(_request(id_="nothing"))


async def test_a_list_is_of_a_model_slow_ones_and_so_many() -> None:
    asked: list[Any] = []
    routes = _routes(asked)
    for query in ("", "model=m&slow=1&limit=5"):
        answer = await routes.latest(_request(query))
        assert json.loads(bytes(answer.body)) == {"requests": [{"id": "r"}]}
    assert asked == [("", False, 100), ("m", True, 5)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=999999999", "slow=maybe"])
async def test_a_wrong_parameter_is_refused(query: str) -> None:
    with pytest.raises(InvalidRequest, match=query.partition("=")[0]):
        await _routes().latest(_request(query))
