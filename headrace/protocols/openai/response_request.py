"""The body of /v1/responses: every documented field honoured, or refused by its name."""

from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Generate, Grammar, LanguageFacts, Prompt, Sampling
from headrace.protocols.openai.chat_request import check_metadata
from headrace.protocols.openai.reasoning import thinking_of
from headrace.protocols.openai.response_items import Item, Items, template_messages
from headrace.protocols.openai.response_tools import FunctionChoice, ResponseTools
from headrace.protocols.ranges import MAX_LOGPROBS, in_range, or_unset
from headrace.protocols.strict_body import Body, Listed, Reader, check_nesting, refuse_unless_absent

LOGPROBS = "message.output_text.logprobs"
INCLUDABLE = (LOGPROBS, "reasoning.encrypted_content")
"""What an answer may be asked to hold besides; thoughts are not encrypted: they come, and come back, as they are."""

SUMMARIES = ("auto", "detailed")
"""Of thoughts that are told whole."""


class Format(Body, frozen=True, kw_only=True):
    type: str
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None  # every schema is kept to


class Text(Body, frozen=True, kw_only=True):
    format: Format | None = None
    verbosity: str | None = None


class Reasoning(Body, frozen=True, kw_only=True):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None  # what summary was called before
    context: str | None = None
    mode: str | None = None

    @property
    def summarised(self) -> bool:
        """Whether thoughts are told as their summary."""
        return self.summary is not None or self.generate_summary is not None


class ResponseStreamOptions(Body, frozen=True, kw_only=True):
    include_obfuscation: bool | None = None


class ResponseBody(Body, frozen=True, kw_only=True):
    """A field that is null is as if it were not there."""

    model: str | None = None
    input: str | Listed[Item] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: str | FunctionChoice | None = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    store: bool | None = None  # null: true
    metadata: dict[str, str] | None = None
    truncation: str | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    client_metadata: dict[str, Any] | None = None  # Codex's: which installation, session and turn ask
    # refused where they ask for something
    background: bool | None = None
    background_options: Any = None
    conversation: Any = None
    prompt: Any = None
    max_tool_calls: int | None = None
    moderation: Any = None
    context_management: Any = None
    access_programs: Any = None
    image: Any = None
    prompt_cache_options: Any = None


class InputTokensBody(ResponseBody, frozen=True, kw_only=True):
    """Of what is to be counted."""

    personality: Any = None  # refused where it is not null


read_response = Reader(ResponseBody)
read_input_tokens = Reader(InputTokensBody)


def response_ask(body: ResponseBody, items: Items, tools: ResponseTools, facts: LanguageFacts) -> Generate:
    """What a body asks of the model, of a conversation of these items, with these tools.

    Raises InvalidRequest with the path of the field that is wrong or refused.
    """
    _refuse(body)
    if not facts.chat_template:
        raise InvalidRequest(f"{facts.lacks_template}; ask /v1/completions with plain text", "model")
    if not items:
        raise InvalidRequest("must have at least one item", "input")
    unset = facts.defaults.over(Sampling())
    max_tokens = in_range(body.max_output_tokens, "max_output_tokens", 1)
    return Generate(
        Prompt(
            messages=template_messages(body.instructions, items),
            tools=tools.tools.tools,
            tool_choice=tools.tools.choice,
            thinking=thinking_of(body.reasoning.effort if body.reasoning else None, facts, "reasoning.effort"),
            where="input",
        ),
        msgspec.structs.replace(
            unset,
            temperature=or_unset(in_range(body.temperature, "temperature", 0, 2), unset.temperature),
            top_p=or_unset(in_range(body.top_p, "top_p", 0, 1), unset.top_p),
            max_tokens=or_unset(max_tokens, unset.max_tokens),
            logprobs=_logprobs(body),
        ),
        grammar=_grammar(body.text),
        stream=bool(body.stream),
    )


def _refuse(body: ResponseBody) -> None:
    refuse_unless_absent(
        {
            "background": (body.background or None, "is not offered; stream the answer"),
            "background_options": (body.background_options, "is not offered; stream the answer"),
            "conversation": (body.conversation, "is not offered; use previous_response_id"),
            "prompt": (body.prompt, "stored prompts are not offered; send instructions and input"),
            "max_tool_calls": (body.max_tool_calls, "tools are called by you; nothing is to be limited"),
            "moderation": (body.moderation, "moderation is not offered"),
            "context_management": (body.context_management or None, "is not offered; send what should be read"),
            "access_programs": (body.access_programs, "is not offered"),
            "image": (body.image, "the model takes text only"),
            "prompt_cache_options": (body.prompt_cache_options, "is not offered; prefixes are always cached"),
        }
    )
    _check_reasoning(body.reasoning or Reasoning())
    _must_be(body.truncation, "truncation", "disabled")
    _must_be(body.service_tier, "service_tier", "auto", "default")
    _must_be(body.prompt_cache_retention, "prompt_cache_retention", "in_memory")
    _must_be(body.text.verbosity if body.text else None, "text.verbosity", "medium")
    for i, name in enumerate(body.include or ()):
        _must_be(name, f"include[{i}]", *INCLUDABLE)
    if body.stream_options is not None and not body.stream:
        raise InvalidRequest("is only for streams; set stream to true", "stream_options")
    if body.stream_options is not None and body.stream_options.include_obfuscation:
        raise InvalidRequest("obfuscation is not offered; leave it out", "stream_options.include_obfuscation")
    check_metadata(body.metadata)


def _check_reasoning(reasoning: Reasoning) -> None:
    _must_be(reasoning.summary, "reasoning.summary", *SUMMARIES)
    _must_be(reasoning.generate_summary, "reasoning.generate_summary", *SUMMARIES)
    _must_be(reasoning.context, "reasoning.context", "auto")
    _must_be(reasoning.mode, "reasoning.mode", "standard")


def _must_be(value: str | None, where: str, *allowed: str) -> None:
    if value is not None and value not in allowed:
        raise InvalidRequest(f"must be {' or '.join(allowed)}", where)


def _grammar(text: Text | None) -> Grammar | None:
    asked = text.format if text else None
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return Grammar("json_object", where="text.format")
    if asked.type != "json_schema":
        raise InvalidRequest("must be text, json_object or json_schema", "text.format.type")
    where = "text.format.schema"
    if asked.schema is None:
        raise InvalidRequest("is missing", where)
    check_nesting(asked.schema, where)
    return Grammar("json_schema", msgspec.json.encode(asked.schema).decode(), where)


def _logprobs(body: ResponseBody) -> int | None:
    top = in_range(body.top_logprobs, "top_logprobs", 0, MAX_LOGPROBS) or 0
    return top if top or LOGPROBS in (body.include or ()) else None
