"""What is asked of a version that is not in memory waits for it, and no longer than it may."""

import asyncio

import pytest

from headrace.errors import ModelInvalid, ModelUnavailable
from headrace.models.sleeping import MayWait, Sleeper
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, ModelVersion, Request, Response
from tests.fakes import FakeClock, Got, request, signature


class Awake:
    """A Servable that answers when the test says so."""

    signature = signature()

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Reply]] = []
        self.cancelled = 0

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.asked.append((request, reply))

        def cancel() -> None:
            self.cancelled += 1

        return cancel

    def backlog(self) -> Backlog:
        return Backlog(len(self.asked), 0)

    async def drain(self) -> None: ...

    async def close(self) -> None: ...

    def answer(self) -> None:
        _, reply = self.asked.pop(0)
        reply(Response(ModelVersion("m", 1), (), None))


class Bed:
    def __init__(self, limits: MayWait | None = None, known: bool = False) -> None:
        self.clock = FakeClock()
        self.woken = 0
        limits = limits or MayWait(10.0, 3, 100)
        self.sleeper = Sleeper(
            ModelVersion("m", 1), signature() if known else None, self.wake, limits, self.clock, load_s=0.25
        )

    def wake(self, sleeper: Sleeper) -> None:
        assert sleeper is self.sleeper
        self.woken += 1

    def ask(self, deadline_ms: float | None = None) -> tuple[Got, Cancel]:
        got = Got()
        deadline_ns = None if deadline_ms is None else self.clock.time_ns + int(deadline_ms * 1e6)
        return got, self.sleeper.submit(request([[1.0, 2.0]], deadline_ns=deadline_ns), got)


def test_a_request_has_it_loaded_and_is_answered_by_what_was_loaded() -> None:
    bed, awake = Bed(), Awake()
    got, _ = bed.ask()
    assert (bed.woken, got.answers) == (1, [])
    assert bed.sleeper.backlog() == Backlog(1, 0)
    bed.sleeper.hand_over(awake)
    awake.answer()
    assert got.response.model == ModelVersion("m", 1)
    assert bed.sleeper.backlog() == Backlog(0, 0)


def test_requests_are_passed_on_in_their_order() -> None:
    bed, awake = Bed(), Awake()
    got = [bed.ask()[0] for _ in range(3)]
    bed.sleeper.hand_over(awake)
    awake.answer()
    assert [len(each.answers) for each in got] == [1, 0, 0]


def test_its_signature_is_known_once_it_was_loaded() -> None:
    bed = Bed()
    assert not bed.sleeper.known
    bed.sleeper.hand_over(Awake())
    assert bed.sleeper.known
    assert bed.sleeper.signature == Awake.signature
    assert Bed(known=True).sleeper.known


def test_what_still_comes_after_it_was_loaded_is_passed_on_at_once() -> None:
    bed, awake = Bed(), Awake()
    bed.sleeper.hand_over(awake)
    got, _ = bed.ask()
    awake.answer()
    assert bed.woken == 0
    assert got.response


def test_a_load_that_fails_is_told_to_all_that_wait() -> None:
    bed = Bed()
    got = [bed.ask()[0] for _ in range(2)]
    bed.sleeper.fail(ModelInvalid("unknown operator"), for_good=False)
    assert [each.error for each in got] == ["model_invalid"] * 2
    assert bed.ask()[0].answers == []


def test_one_that_failed_for_good_is_not_loaded_again() -> None:
    bed = Bed()
    bed.sleeper.fail(ModelInvalid("unknown operator"), for_good=True)
    assert bed.ask()[0].error == "model_invalid"
    assert bed.woken == 0


def test_a_request_waits_no_longer_than_it_may() -> None:
    bed = Bed()
    got, _ = bed.ask()
    bed.clock.pass_ms(9_999)
    assert not got.answers
    bed.clock.pass_ms(1)
    (error,) = got.answers
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_s == 0.25
    assert "models.lazy_wait_s" in str(error)


def test_nor_longer_than_its_deadline() -> None:
    bed = Bed()
    got, _ = bed.ask(deadline_ms=50)
    bed.clock.pass_ms(50)
    assert got.error == "deadline_exceeded"


def test_one_that_is_answered_is_no_longer_timed() -> None:
    bed, awake = Bed(), Awake()
    got, _ = bed.ask(deadline_ms=50)
    bed.sleeper.hand_over(awake)
    bed.clock.pass_ms(60)
    assert not got.answers


def test_where_nobody_may_wait_the_load_begins_and_the_caller_is_told_when_to_ask_again() -> None:
    bed = Bed(MayWait(0.0))
    got, _ = bed.ask()
    (error,) = got.answers
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_s == 0.25
    assert bed.woken == 1


def test_no_more_wait_than_may() -> None:
    bed = Bed()
    for _ in range(3):
        bed.ask()
    assert bed.ask()[0].error == "queue_full"


def test_no_more_bytes_wait_than_may() -> None:
    bed = Bed(MayWait(10.0, 100, 20))
    first, _ = bed.ask()
    second, cancel = bed.ask()
    third, _ = bed.ask()
    assert (first.answers, second.answers, third.error) == ([], [], "queue_full")
    cancel()
    assert bed.ask()[0].answers == []


def test_a_caller_that_leaves_is_not_passed_on() -> None:
    bed, awake = Bed(), Awake()
    got, cancel = bed.ask()
    cancel()
    bed.sleeper.hand_over(awake)
    assert not awake.asked
    assert not got.answers


def test_a_caller_that_leaves_later_is_taken_back_from_what_answers() -> None:
    bed, awake = Bed(), Awake()
    _, cancel = bed.ask()
    bed.sleeper.hand_over(awake)
    cancel()
    assert awake.cancelled == 1


async def test_closing_answers_what_waits() -> None:
    bed = Bed()
    got, _ = bed.ask()
    await bed.sleeper.close()
    assert got.error == "model_unavailable"
    assert bed.ask()[0].error == "model_unavailable"


async def test_whoever_only_wants_to_know_it_waits_until_it_is_loaded() -> None:
    bed = Bed()
    waiting = asyncio.ensure_future(bed.sleeper.awake())
    await asyncio.sleep(0)
    assert (bed.woken, waiting.done()) == (1, False)
    bed.sleeper.hand_over(Awake())
    await waiting


async def test_and_is_told_why_it_could_not_be() -> None:
    bed = Bed()
    waiting = asyncio.ensure_future(bed.sleeper.awake())
    await asyncio.sleep(0)
    bed.sleeper.fail(ModelInvalid("unknown operator"), for_good=True)
    with pytest.raises(ModelInvalid, match="unknown operator"):
        await waiting


async def test_or_to_ask_again_where_nobody_may_wait() -> None:
    bed = Bed(MayWait(0.0))
    with pytest.raises(ModelUnavailable, match="ask again"):
        await bed.sleeper.awake()
    assert bed.woken == 1
