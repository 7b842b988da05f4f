"""A whole answer with log-probabilities, which may be long: those are encoded beside the event loop."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.responses import Response

from headrace.generation import Generated
from headrace.protocols.beside import rest
from headrace.protocols.in_pieces import InPieces
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.pieces import Head

LONG_LOGPROBS = 2048
"""Tokens and their alternatives: some milliseconds."""

Write = Callable[[Callable[[], None]], Sequence[bytes]]
"""Gives the answer's JSON in pieces; what it is given it calls between two pieces of its work."""


def around_choices(head: Head, choices: Iterable[Sequence[bytes]], end: Mapping[str, Any]) -> list[bytes]:
    """An answer's JSON in pieces: its beginning, its choices, each in pieces of its own, and its end."""
    between = [piece for choice in choices for piece in (b",", *choice)][1:]
    return [msgspec.json.encode(head)[:-1], b',"choices":[', *between, b"],", msgspec.json.encode(end)[1:]]


async def whole_answer(
    front: Front, write: Write, generated: Sequence[Generated], headers: Mapping[str, str]
) -> Response:
    """What `write` makes of what was generated, as an answer."""
    if _num_logprobs(generated) > LONG_LOGPROBS:
        return InPieces(await front.beside.understood(partial(write, rest)), headers)
    return Response(b"".join(write(_go_on)), 200, headers, "application/json")


def _num_logprobs(generated: Sequence[Generated]) -> int:
    """All of a request's tokens have as many alternatives; the first of a prompt has none."""
    told = [each.prompt_logprobs for each in generated]
    told += [delta.logprobs for each in generated for delta in each.deltas]
    return sum(len(tokens) * (1 + len(tokens[-1].top)) for tokens in told if tokens)


def _go_on() -> None:
    """A short one needs no rest."""
