"""Captured requests are read page by page."""

import json
from argparse import Namespace
from base64 import b64encode
from typing import Any

import pytest

from headrace.cli.captured import captured
from headrace.cli.failure import Failure
from headrace.cli.trust import Trust
from tests.cli.conftest import Serve


def told(number: int, run: int = 1, value: bytes = b"\1\2") -> dict[str, Any]:
    """A captured request as the server tells it: input x, output y."""
    tensors = [{"name": name, "datatype": "UINT8", "shape": [1, 2], "data": b64encode(value).decode()} for name in "xy"]
    return {
        "number": number,
        "at": 1.0,
        "run": run,
        "model": "m",
        "version": 1,
        "request": f"r{number}",
        "tenant": "",
        "ms": 2.5,
        "rows": 2,
        "inputs": tensors[:1],
        "outputs": tensors[1:],
    }


def options(url: str) -> Namespace:
    return Namespace(url=url, timeout=5.0, ca=None, cert=None, key=None, trust=Trust())


def test_every_page_is_asked_for(serve: Serve) -> None:
    asked: list[str] = []

    def answer(path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        page = (
            {"captures": [told(1), told(2)], "next": 2} if "after=0" in path else {"captures": [told(3)], "next": None}
        )
        return 200, {}, json.dumps(page).encode()

    found = list(captured(options(serve(answer)), "a b", 4, None))
    assert [each.request for each in found] == ["r1", "r2", "r3"]
    assert (found[0].inputs[0].data, found[0].ms, found[0].rows) == (b"\1\2", 2.5, 2)
    assert [path.partition("?")[2] for path in asked] == ["after=0&limit=50&version=4", "after=2&limit=50&version=4"]
    assert asked[0].startswith("/v2/headrace/captures/a%20b?")


def test_no_more_are_asked_for_than_are_wanted(serve: Serve) -> None:
    asked: list[str] = []

    def answer(path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, json.dumps({"captures": [told(1), told(2)], "next": 2}).encode()

    assert len(list(captured(options(serve(answer)), "m", None, 2))) == 2
    assert [path.partition("?")[2] for path in asked] == ["after=0&limit=2"]


def test_something_else_than_a_page_is_said_to_be_so(serve: Serve) -> None:
    url = serve(lambda path, headers, body: (200, {}, b'{"captures": 1}'))
    with pytest.raises(Failure, match="is not a page of captured requests"):
        list(captured(options(url), "m", None, None))
