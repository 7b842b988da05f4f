"""Thinking as Anthropic has it: asked for with a budget, told in a block of its own, and signed."""

import base64
import hashlib
from typing import Any, Literal

from headrace.errors import InvalidRequest
from headrace.generation import LanguageFacts, Thinking
from headrace.protocols.ranges import in_range
from headrace.protocols.strict_body import Body


class ThinkingField(Body, frozen=True, kw_only=True):
    """The field `thinking`."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None  # thoughts are told whole, or not

    @property
    def omitted(self) -> bool:
        return self.display == "omitted"


def thinking_of(field: ThinkingField | None, effort: str, facts: LanguageFacts, max_tokens: int | None) -> Thinking:
    """Who does not ask for thoughts gets none. Raises InvalidRequest with the path of what is wrong or not offered.

    `max_tokens`, where it is known, is more than the budget.
    """
    if field is None or field.type == "disabled":
        _refuse(field, "budget_tokens", "display")
        on = False if facts.reasoning or field is not None else None
        return Thinking(on, effort, where="thinking")
    if field.type == "between_tools":
        raise InvalidRequest("must be enabled, disabled or adaptive", "thinking.type")
    if field.type == "adaptive":
        _refuse(field, "budget_tokens")
        return Thinking(facts.reasoning or None, effort, where="thinking")
    if not facts.reasoning:
        reason = "the model does not think before it answers; must be disabled or adaptive"
        raise InvalidRequest(reason, "thinking.type")
    where = "thinking.budget_tokens"
    if field.budget_tokens is None:
        raise InvalidRequest("is missing", where)
    if max_tokens is not None and field.budget_tokens >= max_tokens:
        raise InvalidRequest(f"must be less than max_tokens, which is {max_tokens}", where)
    return Thinking(True, effort, in_range(field.budget_tokens, where, 1), where)


def _refuse(field: ThinkingField | None, *names: str) -> None:
    for name in names:
        if field is not None and getattr(field, name) is not None:
            raise InvalidRequest(f"is not for thinking that is {field.type}", f"thinking.{name}")


class ThinkingBlock:
    """The block that thoughts are told in, as it grows."""

    def __init__(self, omitted: bool) -> None:
        """`omitted`: it says only that there were thoughts."""
        self._omitted = omitted
        self._digest = hashlib.sha256()

    def add(self, thoughts: str) -> str:
        """More of them; what of it is told."""
        self._digest.update(thoughts.encode("utf-8", "replace"))
        return "" if self._omitted else thoughts

    def signature(self) -> str:
        """A digest of all of them. Whoever sends the block back may send it or not: it is not looked at."""
        return base64.b64encode(self._digest.digest()).decode()


def thinking_json(thoughts: str, omitted: bool) -> list[dict[str, Any]]:
    """The block of an answer's thoughts, where it has some."""
    if not thoughts:
        return []
    block = ThinkingBlock(omitted)
    return [{"type": "thinking", "thinking": block.add(thoughts), "signature": block.signature()}]
