"""Thoughts that come before an answer: the marks around them, and on which side of them an answer begins.

A model thinks at the beginning of an answer or not at all. Where its prompt already ends with the mark that begins
thoughts, the answer begins among them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from headrace.generation import Prompt, Thinking

Stage = Literal["before", "inside", "after"]
"""Where a text has come to: thoughts may begin, are under way, or are over, which they also are where none came."""

USUAL = (("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"))
"""Marks that templates are looked through for: Qwen's and DeepSeek's, Mistral's, Seed's."""

SWITCHES = ("enable_thinking", "thinking")
"""What templates call the argument that turns thinking on and off."""


class Marks(msgspec.Struct, frozen=True):
    """What stands around thoughts. Where the vocabulary has both marks as tokens, these alone count as marks."""

    begin: str
    end: str
    begin_id: int | None = None
    end_id: int | None = None

    @property
    def are_tokens(self) -> bool:
        return self.begin_id is not None and self.end_id is not None

    def after(self, stage: Stage, token_id: int) -> Stage:
        """The stage behind a token. Only where the marks are tokens."""
        if stage == "before":
            return "inside" if token_id == self.begin_id else "after"
        return "after" if token_id == self.end_id else stage


def marks_of(setting: str, template: str | None, token_id: Callable[[str], int | None]) -> Marks | None:
    """The marks of a model, by `llm.reasoning` and its chat template; None where it has no thoughts to be told apart.

    `token_id` gives the token of a text that is one.
    """
    if setting == "off":
        return None
    if setting == "auto":
        found = next((pair for pair in USUAL if template and any(mark in template for mark in pair)), None)
    else:
        begin, _, end = setting.partition(" ")
        found = begin, end
    if found is None:
        return None
    begin_id, end_id = (token_id(mark) for mark in found)
    return Marks(*found, begin_id, end_id) if begin_id is not None and end_id is not None else Marks(*found)


def template_arguments(thinking: Thinking) -> Mapping[str, Any]:
    """What the template is told of it."""
    effort = {"reasoning_effort": thinking.effort} if thinking.effort else {}
    return effort if thinking.on is None else {**dict.fromkeys(SWITCHES, thinking.on), **effort}


def without_thoughts(text: str, marks: Marks) -> str:
    """A prompt whose answer has no thoughts, for a template that cannot be told so: as if they were over already."""
    opened = text.rstrip()
    if opened.endswith(marks.end):
        return text
    begun = text if opened.endswith(marks.begin) else f"{text}{marks.begin}\n"
    return f"{begun}\n{marks.end}\n\n"


def stage_of(prompt: Prompt, text: str, marks: Marks) -> Stage:
    """Where the answer to a prompt of messages begins, of which `text` was made."""
    if prompt.continue_final_message:
        continued = str((prompt.messages or ({},))[-1].get("content") or "")
        return "inside" if continued.rfind(marks.begin) > continued.rfind(marks.end) else "after"
    if not prompt.add_generation_prompt:
        return "before"
    opened = text.rstrip()
    if opened.endswith(marks.begin):
        return "inside"
    return "after" if opened.endswith(marks.end) else "before"
