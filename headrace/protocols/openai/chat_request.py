"""The body of /v1/chat/completions: every documented field honoured, or refused by its name."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Generate, LanguageFacts, Prompt, Thinking
from headrace.protocols.openai.formats import grammar_of
from headrace.protocols.openai.messages import Message, template_messages
from headrace.protocols.openai.reasoning import thinking_of
from headrace.protocols.openai.sampling import SharedFields, check_shared, sampling, truncation
from headrace.protocols.openai.tools import Choice, Tool, read_tools
from headrace.protocols.ranges import MAX_LOGPROBS, in_range
from headrace.protocols.strict_body import Listed, Reader, check_nesting, refuse_unless_absent

_MAX_METADATA = 16


class ChatBody(SharedFields, frozen=True, kw_only=True):
    """Fields of OpenAI's that mean nothing here are known nevertheless, to be refused where they ask for something."""

    messages: Listed[Message]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Choice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    modalities: list[str] | None = None
    verbosity: str | None = None
    # refused where they are not null
    audio: Any = None
    functions: Any = None
    function_call: Any = None
    prediction: Any = None
    web_search_options: Any = None
    moderation: Any = None
    prompt_cache_options: Any = None
    # vLLM's
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    documents: Listed[dict[str, Any]] | None = None
    include_reasoning: bool | None = None
    thinking_token_budget: int | None = None
    best_of: int | None = None


read_chat = Reader(ChatBody)


def chat_ask(body: ChatBody, facts: LanguageFacts) -> Generate:
    """What a body asks of the model. Raises InvalidRequest with the path of the field that is wrong or refused."""
    check_shared(body)
    _refuse(body)
    if not facts.chat_template and body.chat_template is None:
        raise InvalidRequest(
            f"the model {facts.lacks_template}; give one, or ask /v1/completions with plain text", "chat_template"
        )
    tools = read_tools(body.tools, body.tool_choice, body.parallel_tool_calls)
    return Generate(
        Prompt(
            messages=template_messages(body.messages),
            tools=tools.tools,
            tool_choice=tools.choice,
            chat_template=body.chat_template,
            template_arguments=_template_arguments(body),
            thinking=_thinking(body, facts),
            add_generation_prompt=_add_generation_prompt(body),
            continue_final_message=bool(body.continue_final_message),
            add_special_tokens=body.add_special_tokens,
            truncate_to=truncation(body, facts),
            where="messages",
        ),
        sampling(body, facts, _max_tokens(body), _logprobs(body)),
        n=1 if body.n is None else body.n,
        grammar=grammar_of(body),
        stream=bool(body.stream),
        salt=body.cache_salt or "",
    )


def echoed(body: ChatBody) -> str:
    """With `echo`, the final message that the answer continues: the text begins with it."""
    if not body.echo or not body.continue_final_message:
        return ""
    return str(template_messages(body.messages[-1:])[0]["content"])


def _refuse(body: ChatBody) -> None:
    refuse_unless_absent(
        {
            "audio": (body.audio, "the model gives text only"),
            "functions": (body.functions, "is no longer taken; use tools"),
            "function_call": (body.function_call, "is no longer taken; use tool_choice"),
            "prediction": (body.prediction, "predicted output is not offered; repeated text is found without it"),
            "web_search_options": (body.web_search_options, "web search is not offered"),
            "moderation": (body.moderation, "moderation is not offered"),
            "best_of": (body.best_of if body.best_of != (body.n or 1) else None, "is for completions; must be n here"),
            "prompt_cache_options": (body.prompt_cache_options, "is not offered; prefixes are always cached"),
        }
    )
    if body.modalities is not None and body.modalities != ["text"]:
        raise InvalidRequest('must be ["text"]; the model gives text only', "modalities")
    if body.verbosity not in (None, "medium"):
        raise InvalidRequest("must be medium; say in a message how long the answer should be", "verbosity")
    if body.store:
        raise InvalidRequest("chat completions are not stored; leave it out", "store")
    if body.service_tier not in (None, "auto", "default"):
        raise InvalidRequest("must be auto or default", "service_tier")
    if body.prompt_cache_retention not in (None, "in_memory"):
        raise InvalidRequest("must be in_memory", "prompt_cache_retention")
    if body.echo and not body.continue_final_message:
        raise InvalidRequest("needs continue_final_message: there is no text that the answer continues", "echo")
    check_metadata(body.metadata)


def check_metadata(metadata: Mapping[str, str] | None) -> None:
    """Raises InvalidRequest where it is more than OpenAI takes."""
    metadata = metadata or {}
    too_long = any(len(key) > 64 or len(value) > 512 for key, value in metadata.items())
    if len(metadata) > _MAX_METADATA or too_long:
        raise InvalidRequest("has at most 16 keys of 64 characters, with values of 512", "metadata")


def _template_arguments(body: ChatBody) -> dict[str, Any]:
    check_nesting(body.chat_template_kwargs, "chat_template_kwargs")
    check_nesting(body.documents, "documents")
    documents = {} if body.documents is None else {"documents": body.documents}
    return documents | (body.chat_template_kwargs or {})


def _thinking(body: ChatBody, facts: LanguageFacts) -> Thinking:
    thinking = thinking_of(body.reasoning_effort, facts, "reasoning_effort")
    where = "thinking_token_budget"
    if in_range(body.thinking_token_budget, where, 0) is None:
        return thinking
    if not facts.reasoning:
        raise InvalidRequest("the model does not think before it answers; leave it out", where)
    return msgspec.structs.replace(thinking, max_tokens=body.thinking_token_budget, where=where)


def _add_generation_prompt(body: ChatBody) -> bool:
    """An answer that continues the final message has no beginning of its own."""
    if body.continue_final_message and body.add_generation_prompt:
        raise InvalidRequest("cannot be true together with add_generation_prompt", "continue_final_message")
    if body.add_generation_prompt is None:
        return not body.continue_final_message
    return body.add_generation_prompt


def _max_tokens(body: ChatBody) -> int | None:
    old = in_range(body.max_tokens, "max_tokens", 1)
    new = in_range(body.max_completion_tokens, "max_completion_tokens", 1)
    if old is not None and new is not None and old != new:
        raise InvalidRequest("differs from max_completion_tokens; give one of them", "max_tokens")
    return old if new is None else new


def _logprobs(body: ChatBody) -> int | None:
    top = in_range(body.top_logprobs, "top_logprobs", 0, MAX_LOGPROBS)
    if top and not body.logprobs:
        raise InvalidRequest("needs logprobs to be true", "top_logprobs")
    return (top or 0) if body.logprobs else None
