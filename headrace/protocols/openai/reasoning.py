"""What a request of the OpenAI API says of thinking, and how thoughts stand in an answer to a chat."""

from typing import Any

from headrace.errors import InvalidRequest
from headrace.generation import Delta, LanguageFacts, Thinking

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def thinking_of(effort: str | None, facts: LanguageFacts, where: str) -> Thinking:
    """An effort of `none` turns thinking off, any other on; the template is told which.

    Raises InvalidRequest for another word than OpenAI's, and for an effort of a model that does not think.
    """
    if effort is None:
        return Thinking(where=where)
    if effort not in EFFORTS:
        raise InvalidRequest(f"must be {', '.join(EFFORTS[:-1])} or {EFFORTS[-1]}", where)
    if effort != "none" and not facts.reasoning:
        raise InvalidRequest("the model does not think before it answers; leave it out, or say none", where)
    return Thinking(effort != "none", effort, where=where)


def reasoning_json(delta: Delta) -> dict[str, Any]:
    """Thoughts under the two names that clients know; nothing where there are none."""
    return {"reasoning_content": delta.reasoning, "reasoning": delta.reasoning} if delta.reasoning else {}
