"""The bodies of /v1/messages and its count_tokens: every documented field honoured, or refused by its name."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Generate, Grammar, LanguageFacts, Prompt, Sampling
from headrace.protocols.anthropic.content import CacheControl, Content, Message, template_messages
from headrace.protocols.anthropic.errors import ThreadRefused
from headrace.protocols.anthropic.thinking import ThinkingField, thinking_of
from headrace.protocols.anthropic.tools import Choice, Tool, read_tools
from headrace.protocols.ranges import check_stops, in_range, or_unset
from headrace.protocols.strict_body import Body, Listed, Reader, check_nesting, refuse_unless_absent


class Format(Body, frozen=True, kw_only=True):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(Body, frozen=True, kw_only=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Format | None = None
    task_budget: Any = None  # refused where it is not null


class ContextManagement(Body, frozen=True, kw_only=True):
    edits: list[dict[str, Any]] | None = None


class Metadata(Body, frozen=True):
    user_id: str | None = None


class PromptFields(Body, frozen=True, kw_only=True):
    """What both bodies have. A field that is null is as if it were not there."""

    model: str
    messages: Listed[Message]
    system: Content | None = None
    tools: list[Tool] | None = None
    tool_choice: Choice | None = None
    thinking: ThinkingField | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    # refused where they ask for something
    context_management: ContextManagement | None = None
    speed: str | None = None
    user_profile_id: Any = None
    workspace_id: Any = None
    mcp_servers: Any = None
    compaction: Any = None
    billing_policy: Any = None


class MessagesBody(PromptFields, frozen=True, kw_only=True):
    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    # refused where they are not null
    container: Any = None
    diagnostics: Any = None
    inference_geo: Any = None
    fallbacks: Any = None
    output_format: Any = None
    fallback_credit_token: Any = None
    thread: Any = None


class CountBody(PromptFields, frozen=True, kw_only=True):
    pass


read_messages = Reader(MessagesBody)
read_count = Reader(CountBody)


def messages_ask(body: MessagesBody, facts: LanguageFacts) -> Generate:
    """What a body asks of the model. Raises InvalidRequest with the path of the field that is wrong or refused."""
    refuse_unless_absent(
        {
            "container": (body.container, "code is not run here"),
            "diagnostics": (body.diagnostics, "is not offered; usage says what was found in the cache"),
            "inference_geo": (body.inference_geo, "is not offered; the model runs where this server does"),
            "fallbacks": (body.fallbacks, "is not offered; name the model that should answer"),
            "fallback_credit_token": (body.fallback_credit_token, "is not offered; nothing is billed"),
            "output_format": (body.output_format, "is no longer taken; use output_config.format"),
        }
    )
    if body.thread not in (None, False):
        raise ThreadRefused("is not offered; send the whole conversation", "thread")
    max_tokens = in_range(body.max_tokens, "max_tokens", 1)
    unset, top_k = facts.defaults.over(Sampling()), in_range(body.top_k, "top_k", 0, 1 << 31)
    return Generate(
        prompt_of(body, facts, max_tokens),
        msgspec.structs.replace(
            unset,
            temperature=or_unset(in_range(body.temperature, "temperature", 0, 2), unset.temperature),
            top_p=or_unset(in_range(body.top_p, "top_p", 0, 1), unset.top_p),
            top_k=or_unset(top_k, unset.top_k),
            max_tokens=max_tokens,
            stop=check_stops(body.stop_sequences, "stop_sequences"),
        ),
        grammar=_grammar(body),
        stream=bool(body.stream),
    )


def prompt_of(body: PromptFields, facts: LanguageFacts, max_tokens: int | None = None) -> Prompt:
    """What the model reads. A last message of the assistant's is continued. Raises as `messages_ask`."""
    _refuse(body)
    if not facts.chat_template:
        raise InvalidRequest(f"{facts.lacks_template}; ask it for completions of plain text", "model")
    messages = template_messages(body.system, body.messages)
    tools = read_tools(body.tools, body.tool_choice)
    continued = messages[-1]["role"] == "assistant"
    return Prompt(
        messages=messages,
        tools=tools.tools,
        tool_choice=tools.choice,
        thinking=thinking_of(body.thinking, _effort(body), facts, max_tokens),
        add_generation_prompt=not continued,
        continue_final_message=continued,
        where="messages",
    )


def _refuse(body: PromptFields) -> None:
    refuse_unless_absent(
        {
            "user_profile_id": (body.user_profile_id, "is not offered; there are no profiles"),
            "workspace_id": (body.workspace_id, "is not offered; there are no workspaces"),
            "mcp_servers": (body.mcp_servers or None, "is not offered; give tools"),
            "compaction": (body.compaction, "is not offered; ask for a summary in a message"),
            "billing_policy": (body.billing_policy, "is not offered; nothing is billed"),
            "output_config.task_budget": (
                body.output_config.task_budget if body.output_config is not None else None,
                "is not offered; max_tokens limits an answer, thinking.budget_tokens thoughts",
            ),
        }
    )
    for i, edit in enumerate((body.context_management.edits if body.context_management else None) or ()):
        _check_edit(edit, f"context_management.edits[{i}]")
    if body.speed not in (None, "standard"):
        raise InvalidRequest("must be standard", "speed")


def _check_edit(edit: Mapping[str, Any], where: str) -> None:
    """Of what can be done to a conversation before it is read, only to keep all that was thought: nothing is done."""
    kind = edit.get("type")
    if not isinstance(kind, str) or not kind.startswith("clear_thinking_"):
        raise InvalidRequest("is not offered; send the messages that should be read", f"{where}.type")
    if edit.get("keep") not in ("all", {"type": "all"}):
        raise InvalidRequest("must be all; leave out of the messages the thoughts that should go", f"{where}.keep")
    if others := [name for name, value in edit.items() if name not in ("type", "keep") and value is not None]:
        raise InvalidRequest("is not known here; known: type, keep", f"{where}.{others[0][:64]}")


def _effort(body: PromptFields) -> str:
    return (body.output_config.effort if body.output_config is not None else None) or ""


def _grammar(body: MessagesBody) -> Grammar | None:
    if body.output_config is None or body.output_config.format is None:
        return None
    where = "output_config.format.schema"
    schema = body.output_config.format.schema
    check_nesting(schema, where)
    return Grammar("json_schema", msgspec.json.encode(schema).decode(), where)
