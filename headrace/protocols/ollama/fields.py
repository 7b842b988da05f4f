"""The fields that chat and generate share, and what they ask of the model."""

import re
from typing import Any

import msgspec

from headrace.errors import InvalidRequest, Unsupported
from headrace.generation import Generate, Grammar, LanguageFacts, Prompt, Thinking
from headrace.models.registry import Registry
from headrace.protocols.ollama.options import Options, context, sampling
from headrace.protocols.ranges import MAX_LOGPROBS, in_range
from headrace.protocols.strict_body import Body, check_nesting

_LEVELS = ("low", "medium", "high", "max")
_DURATION = re.compile(r"-?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+|-?\d+", re.ASCII)


class SharedFields(Body, frozen=True, kw_only=True):
    """A field that is null is as if it were not there."""

    model: str
    stream: bool | None = None  # null: true
    format: str | dict[str, Any] | None = None
    options: Options | None = None
    keep_alive: float | str | None = None
    think: bool | str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    truncate: bool | None = None
    shift: bool | None = None


def ask(fields: SharedFields, prompt: Prompt, facts: LanguageFacts) -> Generate:
    """What a request asks of the model. Raises InvalidRequest with the path of the field that is wrong or refused."""
    check_keep_alive(fields.keep_alive)
    if fields.truncate:
        raise InvalidRequest("must be false: a prompt that is too long is refused, never cut", "truncate")
    if fields.shift:
        raise InvalidRequest("must be false: the text ends where the context is full", "shift")
    options = fields.options or Options()
    chosen = sampling(options, facts, _logprobs(fields))
    return Generate(
        prompt,
        chosen,
        grammar=_grammar(fields.format),
        stream=fields.stream is not False,
        max_context=context(options, facts),
    )


def thinking_of(fields: SharedFields, facts: LanguageFacts) -> Thinking:
    """Whether the model thinks. Raises InvalidRequest for what is no answer to that, or asked of one that does not."""
    think = fields.think
    if isinstance(think, str) and think not in _LEVELS:
        raise InvalidRequest(f"must be true, false, {', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}", "think")
    if think and not facts.reasoning:
        raise InvalidRequest("the model does not think before it answers; must be false", "think")
    return Thinking(None if think is None else bool(think), think if isinstance(think, str) else "", where="think")


def check_keep_alive(keep_alive: float | str | None) -> None:
    """Models stay loaded as long as the repository has them: any time to stay is kept, and none can be sent away.

    Raises Unsupported for a time of 0, InvalidRequest for what is no time.
    """
    if isinstance(keep_alive, str) and not _DURATION.fullmatch(keep_alive):
        raise InvalidRequest('must be a number of seconds, or a time like "5m"', "keep_alive")
    if keep_alive == 0 or (isinstance(keep_alive, str) and not any(digit in keep_alive for digit in "123456789")):
        raise Unsupported("a request cannot unload a model; POST /v2/repository/models/NAME/unload does", "keep_alive")


def model_name(registry: Registry, name: str) -> str:
    """The name of the model that is meant: clients of Ollama's say `:latest` where they want no version."""
    return name if registry.versions(name) else name.removesuffix(":latest")


def _grammar(format_: str | dict[str, Any] | None) -> Grammar | None:
    if format_ is None or format_ == "":
        return None
    if format_ == "json":
        return Grammar("json_object", where="format")
    if isinstance(format_, str):
        raise InvalidRequest('must be "json" or a JSON schema', "format")
    check_nesting(format_, "format")
    return Grammar("json_schema", msgspec.json.encode(format_).decode(), "format")


def _logprobs(fields: SharedFields) -> int | None:
    top = in_range(fields.top_logprobs, "top_logprobs", 0, MAX_LOGPROBS)
    if top and not fields.logprobs:
        raise InvalidRequest("needs logprobs to be true", "top_logprobs")
    return (top or 0) if fields.logprobs else None
