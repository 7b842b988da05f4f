"""What a client calls a request by is found by that, whatever it holds."""

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from headrace.protocols.watch.anything import anything


async def _answer(request: Request) -> Response:
    return Response()


@pytest.mark.parametrize("id_", ["r", "a/b", "two\nlines", "ends\n", "\n", "a\r\n\r\nb", "\u2028"])
def test_any_id_is_a_part_of_the_path(id_: str) -> None:
    route = anything(Route("/requests/{id:path}", _answer, methods=["GET"]))
    match, scope = route.matches({"type": "http", "method": "GET", "path": f"/requests/{id_}"})
    assert (match, scope["path_params"]) == (Match.FULL, {"id": id_})


def test_another_path_is_another() -> None:
    route = anything(Route("/requests/{id:path}", _answer))
    assert route.matches({"type": "http", "method": "GET", "path": "/others/r"})[0] is Match.NONE
