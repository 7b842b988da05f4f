"""Requests that a running server has captured, read page by page."""

from argparse import Namespace
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from headrace.cli.asking import ask
from headrace.cli.failure import Failure
from headrace.types import Tensor

PAGE = 50


class Choice(msgspec.Struct, frozen=True):
    """One text of an answer."""

    text: str
    token_ids: tuple[int, ...] = ()
    reasoning: str = ""
    finish: str = ""


class Text(msgspec.Struct, frozen=True):
    """What a language model was asked, whatever the dialect, and what it answered."""

    ask: dict[str, Any]
    choices: tuple[Choice, ...]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_token_ms: float = 0.0


class Captured(msgspec.Struct, frozen=True):
    """One request with what it was answered."""

    run: int  # equal for those that shared one
    version: int
    request: str  # its id
    ms: float  # what its run took
    rows: int  # in that run
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    text: Text | None = None  # of a language model, instead of those


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    shape: tuple[int, ...]
    data: str


class _Captured(msgspec.Struct):
    run: int
    version: int
    request: str
    ms: float
    rows: int
    inputs: tuple[_Tensor, ...]
    outputs: tuple[_Tensor, ...]
    text: Text | None = None


class _Page(msgspec.Struct):
    captures: list[_Captured]
    next: int | None


def nothing_of(model: str) -> str:
    """That nothing is captured of a model, and what says whether anything would be."""
    return f"nothing is captured of {model}; capture.ratio and capture.models say of what something is"


def captured(options: Namespace, model: str, version: int | None, most: int | None) -> Iterator[Captured]:
    """Those of a model, or one version of it, oldest first; at most so many. Raises Failure."""
    left, after = most, 0
    while left is None or left > 0:
        limit = PAGE if left is None else min(PAGE, left)
        of_version = "" if version is None else f"&version={version}"
        path = f"/v2/headrace/captures/{quote(model, safe='')}?after={after}&limit={limit}{of_version}"
        try:
            page = msgspec.convert(ask(options, "GET", path), _Page)
        except msgspec.ValidationError as error:
            raise Failure(f"the server's answer is not a page of captured requests: {error}") from error
        yield from map(_read, page.captures)
        if page.next is None:
            return
        after = page.next
        left = None if left is None else left - len(page.captures)


def _read(told: _Captured) -> Captured:
    inputs, outputs = tuple(map(_tensor, told.inputs)), tuple(map(_tensor, told.outputs))
    return Captured(told.run, told.version, told.request, told.ms, told.rows, inputs, outputs, told.text)


def _tensor(told: _Tensor) -> Tensor:
    return Tensor(told.name, told.datatype, told.shape, b64decode(told.data))
