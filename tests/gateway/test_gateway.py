"""Every request is routed, counted and recorded once."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from headrace.errors import Draining, HeadraceError, InvalidRequest, MemoryFull, WouldBeLate
from headrace.gateway.gateway import MAX_NAME, REFUSING_NS, Gateway, Passes, Wanted
from headrace.generation import Detokenize, Embedded
from headrace.models.registry import Registry, Served
from headrace.records import Record, RequestRecord, SampleRecord, ShedRecord
from headrace.servable import Cancel, Reply
from headrace.tenants import Tenant
from headrace.traffic.watch import Follow, Tap
from headrace.types import (
    Backlog,
    BatchFacts,
    CacheFacts,
    Context,
    Manifest,
    ModelRef,
    ModelVersion,
    Request,
    Response,
    Tensor,
)
from tests.fakes import FakeClock, Got, request, signature

VERSION = ModelVersion("m", 3)
RESPONSE = Response(VERSION, (), BatchFacts(1, 1, "idle", 0, 5))


class Kept:
    """A Servable that keeps requests until the test answers."""

    signature = signature()

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.cancelled = 0

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.replies.append(reply)
        return self.cancel

    def cancel(self) -> None:
        self.cancelled += 1

    def backlog(self) -> Backlog:
        return Backlog(0, 0)

    async def drain(self) -> None: ...

    async def close(self) -> None: ...


class Bench:
    def __init__(
        self,
        servable: Kept | None = None,
        tenants: Mapping[str, Tenant] | None = None,
        taps: Mapping[str, Follow] | None = None,
        wanted: Wanted | None = None,
        tap: Tap | None = None,
        passes: Passes = lambda model, requests: False,
    ) -> None:
        self.kept = servable or Kept()
        self.records: list[Record] = []
        registry = Registry()
        registry.publish(Served(VERSION, Manifest("m", 3, Path("m"), "fake"), self.kept))
        self.clock = FakeClock()
        self.gateway = Gateway(registry, self.records.append, self.clock, tenants, taps, wanted, tap, passes)

    def new(self) -> Request:
        """One that comes now."""
        return msgspec.structs.replace(request([[1, 1]]), context=Context(self.clock.now_ns(), "test"))

    def record(self) -> RequestRecord:
        (record,) = self.records
        assert isinstance(record, RequestRecord)
        return record


def test_an_answer_is_handed_on_and_recorded_with_its_version_rows_and_run() -> None:
    bench, got = Bench(), Got()
    bench.gateway.submit(request([[1, 1], [2, 2]]), got)
    assert bench.gateway.in_flight == 1
    bench.kept.replies[0](RESPONSE)
    assert got.response is RESPONSE
    record = bench.record()
    assert (record.model, record.version, record.rows, record.batch) == ("m", 3, 2, RESPONSE.batch)
    assert bench.gateway.in_flight == 0


def test_answers_of_language_models_go_through_a_tap_and_no_others() -> None:
    tapped: list[ModelVersion] = []

    def tap(asked: Request, version: ModelVersion, reply: Reply) -> Reply:
        tapped.append(version)
        return reply

    bench, got = Bench(tap=tap), Got()
    bench.gateway.submit(request([[1, 1]]), got)
    assert tapped == []
    bench.gateway.submit(msgspec.structs.replace(request([[1, 1]]), ask=Detokenize((1,))), got)
    assert tapped == [VERSION]


def test_what_a_cache_had_to_do_with_an_answer_is_recorded() -> None:
    bench, facts = Bench(), CacheFacts(True, 5)
    bench.gateway.submit(request([[1, 1]]), Got())
    bench.kept.replies[0](msgspec.structs.replace(RESPONSE, cache=facts))
    assert bench.record().cache == facts


def test_an_error_is_recorded_by_its_code() -> None:
    bench, got = Bench(), Got()
    bench.gateway.submit(request([[1, 1]]), got)
    bench.kept.replies[0](InvalidRequest("no"))
    assert got.error == bench.record().error == "invalid_request"


def test_a_tenant_that_asks_too_often_is_told_when_to_come_back_and_counted_as_shed() -> None:
    bench, got = Bench(tenants={"alice": Tenant(rate=4, burst=1)}), Got()
    asked = msgspec.structs.replace(request([[1, 1]]), context=Context(0, tenant="alice"))
    bench.gateway.submit(asked, Got())
    bench.gateway.submit(asked, got)
    assert got.error == "rate_limited"
    shed, refused = bench.records
    assert shed == ShedRecord(VERSION, "alice", "rate")
    assert isinstance(refused, RequestRecord)
    assert (refused.version, refused.error, refused.tenant) == (3, "rate_limited", "alice")
    assert len(bench.kept.replies) == 1


def test_an_unknown_model_is_refused_and_recorded() -> None:
    bench, got = Bench(), Got()
    asked = Request("", ModelRef("nobody"), ())
    bench.gateway.submit(asked, got)
    assert got.error == bench.record().error == "model_not_found"


def test_of_a_name_as_long_as_a_book_the_record_has_a_page() -> None:
    bench = Bench()
    bench.gateway.submit(Request("", ModelRef("n" * 60_000), ()), Got())
    assert bench.record().model == "n" * MAX_NAME


def test_a_cancelled_request_is_withdrawn_recorded_once_and_never_answered() -> None:
    bench, got = Bench(), Got()
    cancel = bench.gateway.submit(request([[1, 1]]), got)
    cancel()
    cancel()
    bench.kept.replies[0](RESPONSE)
    assert got.answers == []
    assert bench.kept.cancelled == 1
    assert bench.record().error == "cancelled"


class Failing(Kept):
    """A Servable with a fault in it."""

    def submit(self, request: Request, reply: Reply) -> Cancel:
        raise ValueError


def test_a_servable_that_fails_is_answered_for_and_recorded() -> None:
    bench, got = Bench(Failing()), Got()
    bench.gateway.submit(request([[1, 1]]), got)
    assert got.error == bench.record().error == "internal"
    assert bench.gateway.in_flight == 0


def test_cancelling_after_the_answer_does_nothing() -> None:
    bench, got = Bench(), Got()
    cancel = bench.gateway.submit(request([[1, 1]]), got)
    bench.kept.replies[0](RESPONSE)
    cancel()
    assert bench.record().error == ""
    assert bench.kept.cancelled == 0


async def test_draining_waits_for_what_runs_and_refuses_what_comes() -> None:
    bench, first, second = Bench(), Got(), Got()
    bench.gateway.submit(request([[1, 1]]), first)
    drained = asyncio.ensure_future(bench.gateway.drain())
    await asyncio.sleep(0)
    bench.gateway.submit(bench.new(), second)
    assert second.error == "draining"
    assert not drained.done()
    bench.kept.replies[0](RESPONSE)
    await drained
    assert first.response


async def test_draining_waits_for_what_is_yet_to_be_read_and_lets_it_in() -> None:
    bench, got, late = Bench(), Got(), Got()
    expected = bench.gateway.expect()
    drained = asyncio.ensure_future(bench.gateway.drain())
    await asyncio.sleep(0)
    assert not drained.done()
    with expected:
        bench.gateway.submit(request([[1, 1]]), got)
    bench.gateway.submit(bench.new(), late)
    bench.kept.replies[0](RESPONSE)
    await drained
    assert got.response
    assert late.error == "draining"


async def test_draining_lets_in_what_came_before_it_began_as_long_as_it_waits() -> None:
    bench, first, before, too_late = Bench(), Got(), Got(), Got()
    earlier = bench.new()
    bench.clock.time_ns += 1
    bench.gateway.submit(request([[1, 1]]), first)
    drained = asyncio.ensure_future(bench.gateway.drain())
    await asyncio.sleep(0)
    bench.gateway.submit(earlier, before)
    for reply in bench.kept.replies:
        reply(RESPONSE)
    await drained
    assert first.response and before.response
    bench.gateway.submit(earlier, too_late)
    assert too_late.error == "draining"


async def test_what_is_broken_off_is_answered_withdrawn_and_recorded_and_everything_behind_it_refused() -> None:
    bench, running, before = Bench(), Got(), Got()
    earlier = bench.new()
    bench.clock.time_ns += 1
    bench.gateway.submit(request([[1, 1]]), running)
    drained = asyncio.ensure_future(bench.gateway.drain())
    await asyncio.sleep(0)
    bench.gateway.break_off(Draining("the time is up"))
    await drained
    bench.gateway.submit(earlier, before)
    bench.kept.replies[0](RESPONSE)
    assert (running.error, before.error) == ("draining", "draining")
    assert (bench.kept.cancelled, bench.gateway.in_flight) == (1, 0)
    assert [record.error for record in bench.records if isinstance(record, RequestRecord)] == ["draining", "draining"]


async def test_draining_waits_no_more_for_what_is_never_submitted() -> None:
    bench = Bench()
    expected = bench.gateway.expect()
    drained = asyncio.ensure_future(bench.gateway.drain())
    with expected:
        assert bench.gateway.in_flight == 1
    await drained


def test_a_reply_of_several_parts_ends_with_the_final_one() -> None:
    bench = Bench()
    answers: list[Response | HeadraceError] = []
    bench.gateway.submit(request([[1, 1]]), answers.append)
    part = Response(VERSION, (), RESPONSE.batch, final=False)
    for answer in (part, part, RESPONSE, RESPONSE):
        bench.kept.replies[0](answer)
    assert answers == [part, part, RESPONSE]


def test_an_answered_request_is_let_go_without_the_garbage_collector() -> None:
    bench, got = Bench(), Got()
    asked = request([[1, 1]])
    bench.gateway.submit(asked, got)
    held = sys.getrefcount(asked)
    bench.kept.replies.pop()(RESPONSE)
    assert sys.getrefcount(asked) < held


def test_while_there_is_no_memory_new_work_is_refused_and_what_runs_goes_on() -> None:
    bench = Bench()
    running, refused, later = Got(), Got(), Got()
    bench.gateway.submit(request([[1.0]]), running)
    bench.gateway.refuse(MemoryFull("no memory", retry_after_s=3))
    bench.gateway.submit(request([[1.0]]), refused)
    assert refused.error == "memory_full"
    bench.gateway.refuse(None)
    bench.gateway.submit(request([[1.0]]), later)
    for reply in bench.kept.replies:
        reply(RESPONSE)
    assert running.response == later.response == RESPONSE


def test_a_tap_sees_the_answers_of_its_model_before_the_caller() -> None:
    seen: list[object] = []

    def follow(asked: Request, version: ModelVersion, reply: Reply) -> tuple[Reply, Cancel]:
        def answered(answer: Response | HeadraceError) -> None:
            seen.append((asked.model.name, version, answer))
            reply(answer)

        return answered, lambda: seen.append("left")

    bench, got = Bench(taps={"m": follow}), Got()
    bench.gateway.submit(request([[1, 1]]), got)
    bench.kept.replies[0](RESPONSE)
    assert seen == [("m", VERSION, RESPONSE)]
    assert got.response is RESPONSE
    assert bench.record().error == ""


def test_a_tap_is_told_of_callers_that_go_away_before_their_answer_and_of_no_others() -> None:
    told: list[str] = []
    bench = Bench(taps={"m": lambda asked, version, reply: (reply, lambda: told.append("left"))})
    answered, left = (bench.gateway.submit(request([[1, 1]]), Got()) for _ in range(2))
    bench.kept.replies[0](RESPONSE)
    for cancel in (answered, left, left):
        cancel()
    assert told == ["left"]


class Foreseeing(Kept):
    """Knows from a request's context that it will not be let in."""

    def foresee(self, context: Context) -> HeadraceError | None:
        return WouldBeLate("no", "", 1.0, 90.0, 50.0) if context.deadline_ns else None


def test_what_will_not_be_let_in_is_refused_unread_and_recorded_once() -> None:
    bench = Bench(Foreseeing())
    refused = bench.gateway.foresee(ModelRef("m"), Context(0, deadline_ns=50_000_000), "id")
    assert isinstance(refused, WouldBeLate)
    assert (bench.record().id, bench.record().version, bench.record().error) == ("id", 3, "would_be_late")
    assert bench.gateway.in_flight == 0


def test_for_a_second_after_a_refusal_the_next_may_be_refused_unread() -> None:
    bench = Bench()
    assert not bench.gateway.refuses(bench.clock.now_ns())
    bench.gateway.submit(request([[1, 1]]), Got())
    bench.kept.replies[0](WouldBeLate("no", "", 2.0, 90.0, 50.0))
    assert bench.gateway.refuses(bench.clock.now_ns() + REFUSING_NS - 1)
    assert not bench.gateway.refuses(bench.clock.now_ns() + REFUSING_NS)


def test_what_may_be_let_in_or_is_not_there_has_to_be_read() -> None:
    assert Bench(Foreseeing()).gateway.foresee(ModelRef("m"), Context(0), "") is None
    assert Bench().gateway.foresee(ModelRef("m"), Context(0, deadline_ns=1), "") is None
    assert Bench(Foreseeing()).gateway.foresee(ModelRef("other"), Context(0, deadline_ns=1), "") is None


def test_the_tokens_of_texts_that_were_embedded_are_recorded() -> None:
    bench = Bench()
    bench.gateway.submit(request([[1, 1]]), Got())
    bench.kept.replies[0](msgspec.structs.replace(RESPONSE, result=Embedded(b"", 0, 7)))
    assert bench.record().embedded_tokens == 7


def test_an_answer_is_written_before_it_is_recorded() -> None:
    bench = Bench()
    at_reply: list[int] = []

    def reply(answer: Response | HeadraceError) -> None:
        at_reply.append(len(bench.records))
        bench.clock.time_ns += 7

    bench.gateway.submit(request([[1]]), reply)
    bench.kept.replies[0](RESPONSE)
    assert at_reply == [0]
    record = bench.record()
    assert record.written_ns - record.finished_ns == 7


def test_what_is_wanted_is_recorded_whole_in_memory_of_its_own() -> None:
    asked: list[str] = []

    def wanted(request: Request, response: Response) -> bool:
        asked.append(request.id)
        return True

    bench, data = Bench(wanted=wanted), bytearray(b"\1\0\0\0")
    bench.gateway.submit(Request("r", ModelRef("m"), (Tensor("x", "INT32", (1,), memoryview(data)),)), Got())
    bench.kept.replies[0](RESPONSE)
    data[0] = 9
    _, sample = bench.records
    assert isinstance(sample, SampleRecord)
    assert (sample.id, asked, bytes(sample.inputs[0].data)) == ("r", ["r"], b"\1\0\0\0")


def test_a_request_that_failed_is_never_recorded_whole() -> None:
    bench = Bench(wanted=lambda request, response: True)
    bench.gateway.submit(request([[1]]), Got())
    bench.kept.replies[0](InvalidRequest("no"))
    assert bench.record().error == InvalidRequest.code
