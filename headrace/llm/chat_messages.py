"""A conversation as the chat template sees it, and the template's text of it.

Messages come in OpenAI's form. Templates expect a little less (no nulls) and a little more (a tool call's arguments as
an object); a template that knows no tools gets them in words, in the form that Hermes and Qwen models are trained on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Prompt
from headrace.llm.chat_template import ChatTemplate
from headrace.llm.reasoning import template_arguments

Message = dict[str, Any]
SystemText = Callable[[Sequence[Mapping[str, Any]]], str]
"""Tools in words, for a system message."""

OURS = frozenset(("messages", "tools", "add_generation_prompt", "continue_final_message", "chat_template"))
"""What a request gives in fields of their own, not as arguments of the template."""

NINE, ID_LENGTH = "length != 9", 9
"""In Mistral's templates, which refuse calls whose ids have another length: other models gave them others."""

CONTINUES_HERE = "CONTINUES_HERE_6f1d "  # transformers' way: marked, rendered, and cut at the mark


def render(
    prompt: Prompt, template: ChatTemplate, special: Mapping[str, str], tools_in_words: SystemText | None = None
) -> str:
    """The text of a prompt that has messages. `special`: `bos_token`, `eos_token`, as text.

    Raises InvalidRequest, naming the message, where the messages are not such as the template takes.
    """
    for name in prompt.template_arguments:
        if name in OURS:
            raise InvalidRequest("this has a field of its own", f"chat_template_kwargs.{name}")
    messages = plain(prompt.messages or (), prompt.where)
    if NINE in template.source:
        messages = [_with_short_ids(message) for message in messages]
    tools = list(prompt.tools) if prompt.tools and prompt.tool_choice.kind != "none" else None
    variables = {
        **special,
        **template_arguments(prompt.thinking),
        **prompt.template_arguments,
        "add_generation_prompt": prompt.add_generation_prompt and not prompt.continue_final_message,
    }
    if "tools" in template.names:
        variables["tools"] = tools
    else:
        messages = [_in_words(message) for message in messages]
        if tools and tools_in_words is not None:
            return _with_system(template, messages, tools_in_words(tools), prompt, variables)
    return _rendered(template, messages, prompt, variables)


def plain(messages: Sequence[Mapping[str, Any]], where: str) -> list[Message]:
    """The messages without nulls, contents in one text, arguments of tool calls as objects."""
    if not messages:
        raise InvalidRequest("at least one message is needed", where)
    return [_plain(message, f"{where}[{index}]") for index, message in enumerate(messages)]


def _plain(message: Mapping[str, Any], where: str) -> Message:
    made = {key: value for key, value in message.items() if value is not None}
    if isinstance(made.get("content"), list | tuple):
        made["content"] = _one_text(made["content"], f"{where}.content")
    if calls := made.get("tool_calls"):
        made["tool_calls"] = [
            _with_object(call, f"{where}.tool_calls[{index}].function.arguments") for index, call in enumerate(calls)
        ]
    return made


def _one_text(parts: Sequence[Any], where: str) -> str:
    texts = []
    for index, part in enumerate(parts):
        text = part if isinstance(part, str) else part.get("text")
        if not isinstance(text, str):
            kind = part.get("type") if isinstance(part, Mapping) else None
            raise InvalidRequest(f"the model reads text only, not {kind or 'this'}", f"{where}[{index}]")
        texts.append(text)
    return "\n".join(texts)


def _with_object(call: Mapping[str, Any], where: str) -> Message:
    function = dict(call.get("function") or {})
    arguments = function.get("arguments")
    if arguments is None or isinstance(arguments, str):
        arguments = _object_or_text(arguments or "{}", where)
    if not isinstance(arguments, dict | str):
        raise InvalidRequest("arguments are an object in JSON, not another value", where)
    function["arguments"] = arguments
    return {**call, "function": function}


def _object_or_text(arguments: str, where: str) -> Any:
    """What a model wrote that is no object stays as it is: it may be told of it, to write it anew."""
    try:
        found = msgspec.json.decode(arguments)
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"arguments are an object in JSON: {error}", where) from error
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return found if isinstance(found, dict) else arguments


def _with_short_ids(message: Message) -> Message:
    """With the ends of its ids, as vLLM has it; a call and its answer still have the same."""
    made = dict(message)
    if made.get("tool_calls"):
        made["tool_calls"] = [{**call, "id": _short(call.get("id"))} for call in made["tool_calls"]]
    if "tool_call_id" in made:
        made["tool_call_id"] = _short(made["tool_call_id"])
    return made


def _short(id_: object) -> str:
    letters = "".join(each for each in str(id_ or "") if each.isascii() and each.isalnum())
    return letters[-ID_LENGTH:].rjust(ID_LENGTH, "0")


def _in_words(message: Message) -> Message:
    """A message about tools for a template that knows none, as Hermes has it."""
    if calls := message.get("tool_calls"):
        said = [message["content"]] if message.get("content") else []
        said += [f"<tool_call>\n{_json(_called(call))}\n</tool_call>" for call in calls]
        return {"role": message["role"], "content": "\n".join(said)}
    if message.get("role") == "tool":
        return {"role": "user", "content": f"<tool_response>\n{message.get('content', '')}\n</tool_response>"}
    return message


def _called(call: Mapping[str, Any]) -> Message:
    function = call["function"]
    return {"name": function.get("name", ""), "arguments": function["arguments"]}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _with_system(
    template: ChatTemplate, messages: list[Message], text: str, prompt: Prompt, variables: Mapping[str, Any]
) -> str:
    """The conversation with `text` in its system message, or before the first message where the template has none."""
    first = messages[0]
    if first.get("role") in ("system", "developer"):
        return _rendered(template, [_before(first, text, after=True), *messages[1:]], prompt, variables)
    try:
        return _rendered(template, [{"role": "system", "content": text}, *messages], prompt, variables)
    except InvalidRequest:  # a template without a system role, or messages that it refuses in any case
        return _rendered(template, [_before(first, text, after=False), *messages[1:]], prompt, variables)


def _before(message: Message, text: str, after: bool) -> Message:
    content = message.get("content", "")
    return {**message, "content": f"{content}\n\n{text}" if after else f"{text}\n\n{content}"}


def _rendered(template: ChatTemplate, messages: list[Message], prompt: Prompt, variables: Mapping[str, Any]) -> str:
    if not prompt.continue_final_message:
        return template.render(messages, prompt.where, **variables)
    last = messages[-1]
    where = f"{prompt.where}[{len(prompt.messages or ()) - 1}]"
    if not isinstance(last.get("content"), str):
        raise InvalidRequest("a message without content cannot be continued", where)
    marked = [*messages[:-1], {**last, "content": last["content"] + CONTINUES_HERE}]
    text = template.render(marked, prompt.where, **variables)
    before, mark, after = text.rpartition(CONTINUES_HERE.rstrip())
    if not mark:
        raise InvalidRequest("the chat template leaves out the message that is to be continued", where)
    return before if after.startswith(" ") else before.rstrip()
