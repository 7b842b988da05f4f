"""Who asks for captures of a server that keeps none is told what keeps them."""

import pytest

from headrace.errors import NotFound
from headrace.protocols.watch.captures_off import routes
from tests.pages import get


@pytest.mark.parametrize("path", ["/v2/headrace/captures", "/v2/headrace/captures/m"])
async def test_it_says_how_requests_are_captured(path: str) -> None:
    with pytest.raises(NotFound, match=r"nothing is captured: start the server with --set capture\.ratio="):
        await get(routes(), path)
