"""Log-probabilities as JSON, a few tokens at a time: those of completions are four lists, which choices may share."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from headrace.generation import TokenLogprob
from headrace.protocols.openai.pieces import finite, token_text
from headrace.text_offsets import TextOffsets

AT_A_TIME = 128
"""Tokens that are encoded in one go, in which nobody else has the interpreter."""

_NAMES = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


class LogprobLists(msgspec.Struct, frozen=True):
    """Of tokens that follow one another: what stands between the brackets of each list."""

    tokens: bytes
    token_logprobs: bytes
    top_logprobs: bytes
    text_offset: bytes

    @classmethod
    def of(
        cls, tokens: Sequence[TokenLogprob], as_ids: bool, offsets: TextOffsets, rest: Callable[[], None]
    ) -> "LogprobLists":
        """`rest` is called between two pieces of the work."""
        lists: dict[str, list[bytes]] = {name: [] for name in _NAMES}
        for at in range(0, len(tokens), AT_A_TIME):
            if at:
                rest()
            for name, values in completion_logprobs(tokens[at : at + AT_A_TIME], as_ids, offsets).items():
                lists[name].append(msgspec.json.encode(values)[1:-1])
        return cls(*(b",".join(lists[name]) for name in _NAMES))


def lists_json(parts: Sequence[LogprobLists]) -> list[bytes]:
    """The object of four lists, in pieces, each list that of one part behind the other's."""
    pieces: list[bytes] = []
    for name in _NAMES:
        pieces.append(b'%b"%b":[' % (b"," if pieces else b"{", name.encode()))
        said = [getattr(part, name) for part in parts if part.tokens]
        pieces += [piece for values in said for piece in (b",", values)][1:]
        pieces.append(b"]")
    return [*pieces, b"}"]


def array_json(
    write: Callable[[Sequence[TokenLogprob]], list[Any]], tokens: Sequence[TokenLogprob], rest: Callable[[], None]
) -> bytes:
    """What `write` says of each token, as JSON."""
    parts = []
    for at in range(0, len(tokens), AT_A_TIME):
        parts.append(msgspec.json.encode(write(tokens[at : at + AT_A_TIME]))[1:-1])
        rest()
    return b"[%b]" % b",".join(parts)


def completion_logprobs(tokens: Sequence[TokenLogprob], as_ids: bool, offsets: TextOffsets) -> dict[str, Any]:
    """The same as values. A token is among its own alternatives, likely or not."""
    return {
        "tokens": [token_text(token, as_ids) for token in tokens],
        "token_logprobs": [finite(token.logprob) for token in tokens],
        "top_logprobs": [
            {token_text(each, as_ids): finite(each.logprob) for each in (*token.top, token)}
            if token.logprob is not None
            else None
            for token in tokens
        ],
        "text_offset": [offsets.next(token.bytes[token.hidden :]) for token in tokens],
    }
