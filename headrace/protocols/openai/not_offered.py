"""vLLM's fields that are known and not offered: refused by name, unless they say what is done without them."""

from typing import Any

from headrace.errors import InvalidRequest
from headrace.protocols.strict_body import Body


class NotOffered(Body, frozen=True, kw_only=True):
    """What chat and completions share of them."""

    use_beam_search: bool | None = None
    length_penalty: float | None = None
    early_stopping: bool | None = None
    watermarking: bool | None = None
    repetition_detection: dict[str, Any] | None = None
    logprob_token_ids: list[int] | None = None
    logits_processors: list[Any] | None = None
    truncation_side: str | None = None
    structural_tag: Any = None
    guided_whitespace_pattern: str | None = None
    mm_processor_kwargs: dict[str, Any] | None = None
    media_io_kwargs: dict[str, Any] | None = None
    kv_transfer_params: dict[str, Any] | None = None
    ec_transfer_params: dict[str, Any] | None = None
    vllm_xargs: dict[str, Any] | None = None
    return_prompt_text: bool | None = None
    return_token_offsets: bool | None = None
    stream_interval: int | None = None


_BEAMS = "beam search is not offered"
_ONE_WAY = "is not offered; every form is kept to in one way"
_TEXT = "is not offered; the model takes text only"
_ALONE = "is not offered; a server computes its prompts itself"

_REFUSED: dict[str, tuple[Any, str]] = {
    "use_beam_search": (False, _BEAMS),
    "length_penalty": (1.0, f"{_BEAMS}; must be 1"),
    "early_stopping": (False, _BEAMS),
    "watermarking": (False, "is not offered"),
    "repetition_detection": (None, "is not offered; repetition_penalty keeps texts from repeating themselves"),
    "logprob_token_ids": (None, "is not offered; the likeliest are told"),
    "logits_processors": ([], "is not offered; logit_bias changes logits"),
    "truncation_side": ("left", "must be left: a prompt that is too long loses its beginning"),
    "structural_tag": (None, "is not offered; use tools, or a grammar"),
    "guided_whitespace_pattern": (None, _ONE_WAY),
    "mm_processor_kwargs": ({}, _TEXT),
    "media_io_kwargs": ({}, _TEXT),
    "kv_transfer_params": ({}, _ALONE),
    "ec_transfer_params": ({}, _ALONE),
    "vllm_xargs": ({}, "is not offered; there are no extensions that would read it"),
    "return_prompt_text": (False, "is not offered; return_token_ids tells what is read"),
    "return_token_offsets": (False, "is not offered"),
    "stream_interval": (1, "must be 1: what comes is sent as it comes"),
}
"""Each with the value that changes nothing, besides null, and why another is refused."""


def check_not_offered(fields: NotOffered) -> None:
    """Raises InvalidRequest for the first field that asks for something."""
    for name, (usual, reason) in _REFUSED.items():
        value = getattr(fields, name)
        if value is not None and value != usual:
            raise InvalidRequest(reason, name)
