"""Thoughts in a response: as the content of an item, or as its summary, with the events of either."""

from typing import Any, Literal

import msgspec


class ToldThoughts(msgspec.Struct, frozen=True):
    """Where thoughts stand, and what the events of them are called."""

    field: Literal["content", "summary"]  # of the item
    index: str  # of the part, in events
    kind: str  # of the part
    part_added: str
    delta: str
    done: str
    part_done: str

    @property
    def at(self) -> dict[str, int]:
        """There is one part."""
        return {self.index: 0}

    def part(self, text: str) -> dict[str, Any]:
        return {"type": self.kind, "text": text}


CONTENT = ToldThoughts(
    "content",
    "content_index",
    "reasoning_text",
    "response.content_part.added",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.content_part.done",
)
SUMMARY = ToldThoughts(
    "summary",
    "summary_index",
    "summary_text",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
)
