"""Pieces that answers of chat and completions share: usage, log-probabilities, ids, the JSON around a chunk's text."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.generation import TokenLogprob, Usage
from headrace.protocols.openai.sampling import SharedFields
from headrace.protocols.sse import one_line

_HOLE = "\0text\0"


class Head(msgspec.Struct, frozen=True):
    """What every chunk, and the whole answer, begin with."""

    id: str
    object: str
    created: int  # Unix time
    model: str
    system_fingerprint: str


def new_id(prefix: str, asked: str | None = None) -> str:
    """An id for an answer: the request's own where it gave one."""
    return f"{prefix}-{asked or secrets.token_hex(12)}"


def usage_json(usages: Sequence[Usage]) -> dict[str, Any]:
    """What requests took together."""
    prompt, completion = sum(each.prompt_tokens for each in usages), sum(each.completion_tokens for each in usages)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": sum(each.cached_tokens for each in usages)},
        "completion_tokens_details": {"reasoning_tokens": sum(each.reasoning_tokens for each in usages)},
    }


def token_text(token: TokenLogprob, as_ids: bool) -> str:
    """How a token is written: its text, or `token_id:N` where that was asked for."""
    return f"token_id:{token.token_id}" if as_ids else token.token


def prompt_logprobs_json(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any] | None]:
    """vLLM's form: for each token of the prompt what it and its alternatives had, null for the first."""
    return [None if token.logprob is None else _ranked_json(token) for token in tokens]


def _ranked_json(token: TokenLogprob) -> dict[str, Any]:
    ranked = [(token, token.rank), *((other, place) for place, other in enumerate(token.top, 1))]
    return {
        str(each.token_id): {"logprob": finite(each.logprob), "rank": rank, "decoded_token": each.token}
        for each, rank in ranked
    }


def finite(logprob: float | None) -> float | None:
    """JSON has no infinity: OpenAI writes -9999 for what cannot be."""
    return logprob if logprob is None else max(logprob, -9999.0)


class Around:
    """The JSON of a chunk around its one text, prepared once, so that a token costs the encoding of its text alone."""

    def __init__(
        self, make: Callable[[str], Mapping[str, Any]], before: bytes = b"data: ", after: bytes = b"\n\n"
    ) -> None:
        """`before` and `after` are what a dialect writes around each value."""
        first, last = msgspec.json.encode(make(_HOLE)).split(b'"\\u0000text\\u0000"')
        self._before = before + first
        self._after = last + after

    def event(self, text: str) -> bytes:
        """The chunk with this text, as it is sent."""
        return b"%b%b%b" % (self._before, one_line(text), self._after)


class UsageOptions(msgspec.Struct, frozen=True):
    """Whether a stream ends with its usage, and whether each chunk has it so far."""

    final: bool
    continuous: bool

    @classmethod
    def of(cls, fields: SharedFields) -> "UsageOptions":
        options = fields.stream_options
        final = options is not None and bool(options.include_usage)
        return cls(final, final and options is not None and bool(options.continuous_usage_stats))
