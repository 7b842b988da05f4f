"""The forms in which models write that they call a tool, and tools in words for a model whose template knows none."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class ToolFormat(msgspec.Struct, frozen=True):
    """How a call is written: `begin`, a JSON object with `name` and the arguments under a key of their own, `end`."""

    begin: str  # where empty, a call is the whole answer, and begins with its brace
    end: str
    arguments: str  # the key
    between: str  # two calls
    optional: str = ""  # what may stand before a call that is the whole answer
    listed: bool = False  # calls stand in one JSON list behind `begin`, and not each behind one of its own

    @property
    def marks(self) -> tuple[str, ...]:
        """What the text must show for calls to be seen, also where a vocabulary has it as a special token."""
        return tuple(filter(None, (self.begin, self.end)))


HERMES = ToolFormat("<tool_call>", "</tool_call>", "arguments", "\n")
"""Hermes 2 Pro, Qwen 2.5 and 3: calls anywhere in the text, any number of them."""

LLAMA = ToolFormat("", "", "parameters", ";", optional="<|python_tag|>")
"""Llama 3.1 and later: the answer is a call, or text. Some answer several calls, with a semicolon between."""

MISTRAL = ToolFormat("[TOOL_CALLS]", "", "arguments", ", ", listed=True)
"""Mistral 7B v0.3, Nemo, Small: text or not, and then a list of calls."""

GRANITE = ToolFormat("<|tool_call|>", "", "arguments", ", ", listed=True)
"""Granite 3."""

OTHERS = ("<function=", "<arg_key>", "[ARGS]")
"""What stands in the templates of forms that are no JSON objects with names."""


def tool_format(template: str | None) -> ToolFormat | None:
    """The form that a chat template teaches: HERMES where it says nothing of tools, None where it is not read here."""
    if template is None or "tools" not in template:
        return HERMES
    if any(other in template for other in OTHERS):
        return None
    for form in (HERMES, MISTRAL, GRANITE):
        if form.begin in template:
            return form
    if '"parameters"' in template or "<|python_tag|>" in template:
        return LLAMA
    return None


def hermes_system(tools: Sequence[Mapping[str, Any]]) -> str:
    """Tools, in OpenAI's form, in the words of a system message that Qwen 2.5's template has for them."""
    lines = "\n".join(msgspec.json.encode(tool).decode() for tool in tools)
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n"
        f"<tools>\n{lines}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )
