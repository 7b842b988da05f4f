"""Keeps what the server knows from a page that was led here by a false name of this machine (DNS rebinding).

To a browser such a page is the server's own: it reads answers, sends no `Origin` with what only reads, and over plain
HTTP nothing else that tells a browser from a program. What gives it away is its name as `Host`, at an address that
only this machine has: who comes from elsewhere, by whatever name, came by an address of the network.
"""

from collections.abc import Collection

from starlette.datastructures import Headers

from headrace.errors import Forbidden
from headrace.protocols.watch.own_name import address, host_name, is_own

_TOLD = ("/v2/headrace/", "/v1/responses/", "/metrics")
"""Beginnings of the paths where others' prompts, answers and doings are read."""

_PRIVATE = (".internal", ".local", ".home.arpa")
"""What names end in that nobody can register, so that nobody can make a false one of this machine."""


def false_name(path: str, headers: Headers, names: Collection[str], reached: str) -> Forbidden | None:
    """Why a request on a connection to this address of ours may neither read nor ask, or None where it may.

    A program may ask models by any name; a page sends its `Origin` whenever it posts.
    """
    if not (path.startswith(_TOLD) or "origin" in headers) or not _is_loopback(reached):
        return None
    host = headers.get("host", "")
    name = host_name(host)
    if "." not in name or name.endswith(_PRIVATE) or is_own(name) or name in names:
        return None
    what = f"{host[:100]!r} is no name of this server; ask it as localhost, or name it in server.names"
    return Forbidden(what, "Host")


def _is_loopback(reached: str) -> bool:
    ours = address(reached)
    return ours is not None and ours.is_loopback
