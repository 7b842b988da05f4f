"""What the right answers were, over HTTP: labels by the ids of requests."""

import math
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest
from headrace.protocols.http import json_response
from headrace.protocols.strict_body import Body, Reader
from headrace.protocols.watch.query import only

MAX_BODY_BYTES = 1 << 20
MAX_LABEL = 1024
"""Characters of a label."""

Label = bool | int | float | str


class _Feedback(Body, frozen=True):
    id: str
    label: Label | list[Label]


_FEEDBACK = Reader(_Feedback)

Judge = Callable[[str, Sequence[str | int | float]], Awaitable[msgspec.Struct]]
"""A request's id and a label for each of its rows -> what they say of its answer; raises NotFound, InvalidRequest."""


class FeedbackRoutes:
    """A handler that takes labels."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def routes(self) -> list[Route]:
        return [Route("/v2/headrace/feedback", self.feedback, methods=["POST"])]

    async def feedback(self, request: Request) -> Response:
        """Answers what was right, and whether it was counted, counted before, or takes another label's place."""
        only(request)
        sent = await _FEEDBACK.read(request, MAX_BODY_BYTES)
        if not sent.id:
            raise InvalidRequest("is empty; give the id of a request, as its answer said it", "id")
        several = isinstance(sent.label, list)
        labels = sent.label if isinstance(sent.label, list) else [sent.label]
        for i, label in enumerate(labels):
            where = f"label[{i}]" if several else "label"
            if isinstance(label, str) and len(label) > MAX_LABEL:
                raise InvalidRequest(f"has {len(label)} characters; give at most {MAX_LABEL}", where)
            if isinstance(label, float) and not math.isfinite(label):
                raise InvalidRequest("is no finite number", where)
        return json_response(await self._judge(sent.id, [_plain(label) for label in labels]))


def _plain(label: Label) -> str | int | float:
    return int(label) if isinstance(label, bool) else label
