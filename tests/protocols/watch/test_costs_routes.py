"""The books over HTTP; a question that makes no sense is refused and told what would."""

import json

import pytest
from starlette.requests import Request

from headrace.errors import InvalidRequest
from headrace.protocols.watch.costs_routes import CostsRoutes


async def _asked(query: str) -> object:
    routes = CostsRoutes(lambda by: {"by": by})
    request = Request({"type": "http", "query_string": query.encode(), "path_params": {}, "headers": []})
    return json.loads(bytes((await routes.costs(request)).body))


@pytest.mark.parametrize("by", ["tenant", "model", "version"])
async def test_costs_are_told_as_asked(by: str) -> None:
    assert await _asked(f"by={by}") == {"by": by}


async def test_who_says_nothing_is_told_by_model() -> None:
    assert await _asked("") == {"by": "model"}


@pytest.mark.parametrize(("query", "where"), [("by=colour", "by"), ("by=", "by"), ("by=tenant&since=5", "since")])
async def test_what_is_not_known_is_refused_by_name(query: str, where: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await _asked(query)
    assert refused.value.where == where
