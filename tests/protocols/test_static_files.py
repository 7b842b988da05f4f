"""A page's file, and who has it already."""

from starlette.routing import Route

from headrace.protocols.static_files import static_file
from tests.pages import get


async def test_a_file_is_sent_once_and_then_only_when_it_changed() -> None:
    routes = [Route("/a.js", static_file("a.js", b"1", "default-src 'self'"))]
    status, headers, body = await get(routes, "/a.js")
    assert (status, body, headers["cache-control"]) == (200, b"1", "no-cache")
    assert headers["content-type"].startswith("text/javascript")
    status, again, body = await get(routes, "/a.js", if_none_match=headers["etag"])
    assert (status, body, again["etag"]) == (304, b"", headers["etag"])
