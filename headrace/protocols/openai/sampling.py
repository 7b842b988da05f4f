"""The fields that chat and completions share: how tokens are chosen, when to stop, and vLLM's additions."""

from typing import Any, Literal

from headrace.errors import InvalidRequest
from headrace.generation import LanguageFacts, Sampling
from headrace.protocols.openai.formats import ResponseFormat, StructuredOutputs
from headrace.protocols.openai.not_offered import NotOffered, check_not_offered
from headrace.protocols.ranges import (
    MAX_LOGPROBS,
    check_allowed,
    check_bad_words,
    check_biases,
    check_integer,
    check_repetition,
    check_stops,
    check_token_ids,
    in_range,
    or_unset,
)
from headrace.protocols.strict_body import Body

Backend = Literal["auto", "guidance", "lm-format-enforcer", "outlines", "xgrammar"]
"""What vLLM may have forms kept to by."""

MAX_PRIORITY = 65_535
MAX_CHOICES = 128


class StreamOptions(Body, frozen=True):
    """What is told in a stream besides the text."""

    include_usage: bool | None = None
    continuous_usage_stats: bool | None = None  # vLLM
    include_obfuscation: bool | None = None  # OpenAI; only false can be had


class SharedFields(NotOffered, frozen=True, kw_only=True):
    """Without a comment: OpenAI's. A field that is null is as if it were not there."""

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    user: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    # vLLM's
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    allowed_token_ids: list[int] | None = None
    bad_words: list[str] | None = None
    stop_token_ids: list[int] | None = None
    include_stop_str_in_output: bool | None = None
    ignore_eos: bool | None = None
    min_tokens: int | None = None
    skip_special_tokens: bool | None = None
    spaces_between_special_tokens: bool | None = None
    truncate_prompt_tokens: int | None = None
    prompt_logprobs: int | None = None
    echo: bool | None = None
    add_special_tokens: bool | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_json: dict[str, Any] | str | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None
    guided_decoding_backend: Backend | None = None  # without effect: every form is kept to in one way
    priority: int | None = None
    request_id: str | None = None
    session_id: str | None = None
    cache_salt: str | None = None
    return_tokens_as_token_ids: bool | None = None
    return_token_ids: bool | None = None


def check_shared(fields: SharedFields) -> None:
    """Raises InvalidRequest for what is refused by name, and for options that contradict each other."""
    if fields.stream_options is not None and not fields.stream:
        raise InvalidRequest("is only for streams; set stream to true", "stream_options")
    if fields.stream_options is not None and fields.stream_options.include_obfuscation:
        raise InvalidRequest("obfuscation is not offered; leave it out", "stream_options.include_obfuscation")
    if fields.spaces_between_special_tokens is False:
        raise InvalidRequest("cannot be changed; leave it out", "spaces_between_special_tokens")
    if fields.stream and fields.prompt_logprobs is not None:
        raise InvalidRequest("is not offered in a stream", "prompt_logprobs")
    check_not_offered(fields)
    in_range(fields.n, "n", 1, MAX_CHOICES)
    in_range(fields.priority, "priority", 0, MAX_PRIORITY)
    for name, text in (("request_id", fields.request_id), ("cache_salt", fields.cache_salt)):
        if text is not None and not (1 <= len(text) <= 256 and text.isascii() and text.isprintable()):
            raise InvalidRequest("must be 1 to 256 printable ASCII characters", name)


def sampling(fields: SharedFields, facts: LanguageFacts, max_tokens: int | None, logprobs: int | None) -> Sampling:
    """The fields as the engine takes them; of those that are not there the model's defaults, or OpenAI's.

    Raises InvalidRequest for one out of its range.
    """
    unset = facts.defaults.over(Sampling())
    min_tokens = in_range(fields.min_tokens, "min_tokens", 0) or 0
    if max_tokens is not None and min_tokens > max_tokens:
        raise InvalidRequest(f"must be at most the {max_tokens} tokens that may be generated", "min_tokens")
    if max_tokens is None and unset.max_tokens is not None:
        max_tokens = max(unset.max_tokens, min_tokens)
    top_k = in_range(fields.top_k, "top_k", -1, 1 << 31)
    top_p = in_range(fields.top_p, "top_p", 0, 1)
    return Sampling(
        temperature=or_unset(in_range(fields.temperature, "temperature", 0, 2), unset.temperature),
        top_k=unset.top_k if top_k is None else max(0, top_k),
        top_p=or_unset(top_p, unset.top_p),
        min_p=or_unset(in_range(fields.min_p, "min_p", 0, 1), unset.min_p),
        presence_penalty=in_range(fields.presence_penalty, "presence_penalty", -2, 2) or 0.0,
        frequency_penalty=in_range(fields.frequency_penalty, "frequency_penalty", -2, 2) or 0.0,
        repetition_penalty=check_repetition(fields.repetition_penalty, unset.repetition_penalty),
        logit_bias=check_biases(fields.logit_bias, facts.vocabulary),
        allowed_ids=check_allowed(fields.allowed_token_ids, facts.vocabulary),
        bad_words=check_bad_words(fields.bad_words),
        seed=check_integer(fields.seed, "seed"),
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        stop=check_stops(fields.stop),
        stop_ids=check_token_ids(fields.stop_token_ids or (), facts.vocabulary, "stop_token_ids"),
        include_stop=bool(fields.include_stop_str_in_output),
        ignore_eos=bool(fields.ignore_eos),
        skip_special_tokens=fields.skip_special_tokens is not False,
        logprobs=logprobs,
        prompt_logprobs=in_range(fields.prompt_logprobs, "prompt_logprobs", 0, MAX_LOGPROBS),
    )


def truncation(fields: SharedFields, facts: LanguageFacts) -> int | None:
    """How many of the prompt's last tokens are kept; -1 says as many as the context holds."""
    keep = in_range(fields.truncate_prompt_tokens, "truncate_prompt_tokens", -1)
    if keep == 0:
        raise InvalidRequest("must be -1, or 1 or more", "truncate_prompt_tokens")
    return facts.max_context - 1 if keep == -1 else keep
