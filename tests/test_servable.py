"""Answers, as a stream and as one."""

import asyncio
from collections.abc import Callable

import pytest

from headrace.errors import HeadraceError, InputRefused
from headrace.servable import Answers, Reply, answer
from headrace.types import (
    Backlog,
    BatchAxis,
    BatchFacts,
    ModelRef,
    ModelVersion,
    Request,
    Response,
    Signature,
)

REQUEST = Request("1", ModelRef("m"), ())


def _response(final: bool = True) -> Response:
    return Response(ModelVersion("m", 1), (), BatchFacts(1, 1, "alone", 0, 0), final)


class _Scripted:
    """A Servable that answers at once, with what the test says."""

    signature = Signature((), (), BatchAxis(False), "", "")

    def __init__(self, *answers: Response | HeadraceError) -> None:
        self.answers = answers
        self.cancelled = False

    def submit(self, request: Request, reply: Reply) -> Callable[[], None]:
        for each in self.answers:
            reply(each)
        return self._cancel

    def _cancel(self) -> None:
        self.cancelled = True

    def backlog(self) -> Backlog:
        return Backlog(0, 0)

    async def drain(self) -> None: ...

    async def close(self) -> None: ...


async def test_a_stream_ends_with_its_final_answer() -> None:
    answers = Answers()
    for final in (False, True, True):
        answers(_response(final))
    assert [each.final async for each in answers] == [False, True]


async def test_a_stream_raises_the_error_that_it_is_answered_with() -> None:
    answers = Answers()
    answers(InputRefused("no"))
    with pytest.raises(InputRefused):
        [each async for each in answers]


async def test_one_answer_is_waited_for() -> None:
    assert await answer(_Scripted(_response()), REQUEST) == _response()


async def test_an_error_is_raised_where_it_was_waited_for() -> None:
    with pytest.raises(InputRefused):
        await answer(_Scripted(InputRefused("no")), REQUEST)


async def test_only_the_first_answer_counts() -> None:
    assert await answer(_Scripted(_response(), InputRefused("late")), REQUEST) == _response()


async def test_who_stops_waiting_takes_the_request_back() -> None:
    silent = _Scripted()
    waiting = asyncio.create_task(answer(silent, REQUEST))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert silent.cancelled
