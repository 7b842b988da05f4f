"""Deltas of one choice put together: as few as keep its text and its calls in their order, or all of them as one."""

from collections.abc import Iterable, Sequence

import msgspec

from headrace.generation import Delta, ToolCall


def in_order(deltas: Iterable[Delta]) -> list[Delta]:
    """As few as there can be where within each the text comes before the calls; all are of one choice."""
    runs: list[list[Delta]] = []
    called = False  # whether the last run has calls, so that no text belongs to it
    for delta in deltas:
        if not runs or (called and delta.text):
            runs.append([])
            called = False
        runs[-1].append(delta)
        called = called or bool(delta.tool_calls)
    return [as_one(run) for run in runs]


def by_choice(deltas: Sequence[Delta]) -> list[Delta]:
    """One for each choice, in their order, with all of its text and all of its calls."""
    found: dict[int, list[Delta]] = {}
    for delta in deltas:
        found.setdefault(delta.index, []).append(delta)
    return [as_one(found[index]) for index in sorted(found)]


def as_one(deltas: Sequence[Delta]) -> Delta:
    """All of one choice's text and all of its calls; at least one is given, and only the last ends it."""
    if len(deltas) == 1:
        return deltas[0]
    return msgspec.structs.replace(
        deltas[-1],
        text="".join(delta.text for delta in deltas),
        token_ids=tuple(token_id for delta in deltas for token_id in delta.token_ids),
        logprobs=tuple(logprob for delta in deltas for logprob in delta.logprobs),
        tool_calls=joined_calls(call for delta in deltas for call in delta.tool_calls),
        reasoning="".join(delta.reasoning for delta in deltas),
    )


def joined_calls(pieces: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    """One piece for each call."""
    found: dict[int, list[ToolCall]] = {}
    for piece in pieces:
        found.setdefault(piece.index, []).append(piece)
    return tuple(
        ToolCall(index, "".join(piece.arguments for piece in of_it), of_it[0].id, of_it[0].name)
        for index, of_it in found.items()
    )
