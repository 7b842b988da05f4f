"""Equal requests cost one run, each is answered once, and each keeps its own deadline and may leave."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.caching.cached_model import CachedModel, MayWait
from headrace.caching.response_cache import ResponseCache
from headrace.errors import HeadraceError, InputRefused, ModelUnavailable, QueueFull, WorkerLost
from headrace.records import CancelRecord, Record, ShedRecord
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, BatchFacts, ModelVersion, Objective, Request, Response, Signature, Variant
from tests.fakes import FakeClock, Got, request, signature

VERSION = ModelVersion("m", 1)
VARIANTS = [
    Variant(name, Path(name), "onnx", accuracy) for name, accuracy in (("fp32", 1), ("int8", 0.9), ("int4", 0.5))
]
RAN = BatchFacts(1, 1, "idle", 0, 0, infer_ns=10, variant="int8")


class FakeServable:
    """Keeps what it is asked until the test says what became of it."""

    def __init__(self) -> None:
        self.signature: Signature = signature()
        self.asked: dict[int, tuple[Request, Reply]] = {}
        self.runs = 0
        self.withdrawn = 0
        self.refusal: HeadraceError | None = None

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if self.refusal:
            reply(self.refusal)
            return lambda: None
        self.runs += 1
        number = self.runs
        self.asked[number] = request, reply

        def cancel() -> None:
            self.withdrawn += self.asked.pop(number, None) is not None

        return cancel

    def finish(self, error: HeadraceError | None = None, number: int | None = None) -> None:
        """One of those asked ends: the first, or the one with that number."""
        asked, reply = self.asked.pop(number or next(iter(self.asked)))
        memory = bytearray(asked.inputs[0].data)
        outputs = (msgspec.structs.replace(asked.inputs[0], name="y", data=memory),)
        reply(error or Response(VERSION, outputs, RAN))
        memory[:] = b"?" * len(memory)  # it is valid only during the call

    def backlog(self) -> Backlog:
        return Backlog(0, len(self.asked))

    async def drain(self) -> None:
        self.refusal = ModelUnavailable("unloading")

    async def close(self) -> None:
        self.refusal = ModelUnavailable("unloaded")
        while self.asked:
            self.finish(self.refusal)


class Bench:
    def __init__(
        self,
        max_bytes: int = 1 << 20,
        ttl_ns: int | None = None,
        max_waiting: int = 100,
        max_waiting_bytes: int = 10_000,
        objective_ms: float | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.inner = FakeServable()
        self.records: list[Record] = []
        self.model = CachedModel(
            self.inner,
            VERSION,
            ResponseCache(max_bytes, ttl_ns),
            MayWait(max_waiting, max_waiting_bytes, Objective(objective_ms)),
            self.records.append,
            self.clock,
            VARIANTS,
        )

    def ask(
        self,
        row: Sequence[float] = (1, 2),
        within_ms: float | None = None,
        outputs: tuple[str, ...] = (),
        **said: object,
    ) -> "Asked":
        now_ns = self.clock.now_ns()
        deadline_ns = None if within_ms is None else now_ns + int(within_ms * 1e6)
        asked = request([list(row)], deadline_ns=deadline_ns, outputs=outputs)
        context = msgspec.structs.replace(asked.context, arrived_ns=now_ns, **said)
        got = Asked()
        got.cancel = self.model.submit(msgspec.structs.replace(asked, context=context), got)
        return got


class Asked(Got):
    """What came of a request, and how to take it back."""

    cancel: Cancel

    @property
    def hit(self) -> bool:
        assert self.response.cache
        return self.response.cache.hit


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_equal_request_later_is_answered_without_a_run(bench: Bench) -> None:
    first = bench.ask()
    bench.inner.finish()
    second = bench.ask()
    assert first.arrays == second.arrays == {"y": [[1, 2]]}
    assert (first.hit, second.hit, bench.inner.runs) == (False, True, 1)


def test_who_names_every_output_is_given_what_one_who_named_none_was(bench: Bench) -> None:
    bench.ask()
    bench.inner.finish()
    assert bench.ask(outputs=("y",)).hit


def test_what_was_found_has_no_run_and_names_the_variant_that_computed_it(bench: Bench) -> None:
    first = bench.ask()
    bench.inner.finish()
    found = bench.ask().response
    assert first.response.batch == RAN
    assert found.batch is None
    assert found.cache
    assert (found.cache.variant, found.cache.waited_ns) == ("int8", 0)


@pytest.mark.parametrize("said", [{"variant": "int8"}, {"min_accuracy": 0.9}, {"min_accuracy": 0.5}])
def test_who_takes_the_variant_that_answered_an_equal_request_is_given_that(bench: Bench, said: dict[str, Any]) -> None:
    bench.ask()
    bench.inner.finish()  # int8
    assert bench.ask(**said).hit


@pytest.mark.parametrize("said", [{"variant": "fp32"}, {"min_accuracy": 0.95}])
def test_who_takes_another_variant_only_is_computed(bench: Bench, said: dict[str, Any]) -> None:
    bench.ask()
    bench.inner.finish()
    bench.ask(**said)
    assert bench.inner.runs == 2


def test_a_variant_and_an_accuracy_that_only_it_has_are_one_wish(bench: Bench) -> None:
    bench.ask(variant="fp32")
    bench.inner.finish()
    assert bench.ask(min_accuracy=1.0).hit


def test_who_leaves_the_variant_open_is_not_given_what_another_chose(bench: Bench) -> None:
    bench.ask(variant="int8")
    bench.inner.finish()
    bench.ask()
    assert bench.inner.runs == 2


def test_another_request_is_computed(bench: Bench) -> None:
    bench.ask((1, 2))
    bench.inner.finish()
    bench.ask((1, 3))
    bench.ask((1, 2), tenant="other")
    assert bench.inner.runs == 3


def test_an_answer_is_forgotten_when_its_time_is_over() -> None:
    bench = Bench(ttl_ns=1_000_000)
    bench.ask()
    bench.inner.finish()
    bench.clock.pass_ms(1)
    assert not bench.ask().answers
    assert bench.inner.runs == 2


def test_equal_requests_that_are_under_way_share_one_run(bench: Bench) -> None:
    first = bench.ask()
    bench.clock.pass_ms(3)
    others = [bench.ask() for _ in range(3)]
    assert bench.model.backlog() == Backlog(3, 1)
    bench.clock.pass_ms(2)
    bench.inner.finish()
    assert [each.arrays for each in (first, *others)] == [{"y": [[1, 2]]}] * 4
    assert [each.hit for each in (first, *others)] == [False, True, True, True]
    assert others[0].response.cache
    assert others[0].response.cache.waited_ns == 2_000_000
    assert (bench.inner.runs, bench.model.backlog()) == (1, Backlog(0, 0))


def test_an_error_is_told_to_the_one_it_is_of_and_another_is_computed(bench: Bench) -> None:
    first, second, third = bench.ask(), bench.ask(), bench.ask()
    bench.inner.finish(WorkerLost("gone"))
    assert (first.error, second.answers, bench.inner.runs) == ("worker_lost", [], 2)
    bench.inner.finish()
    assert (second.hit, third.hit) == (False, True)


def test_an_error_is_not_kept(bench: Bench) -> None:
    bench.ask()
    bench.inner.finish(WorkerLost("gone"))
    bench.ask()
    assert bench.inner.runs == 2


def test_a_request_that_is_wrong_is_wrong_for_all_its_equals(bench: Bench) -> None:
    first, second = bench.ask(), bench.ask()
    bench.inner.finish(InputRefused("not this"))
    assert (first.error, second.error, bench.inner.runs) == ("input_refused", "input_refused", 1)


def test_thousands_that_are_refused_one_after_another_are_all_told(bench: Bench) -> None:
    bench = Bench(max_waiting=5000, max_waiting_bytes=1 << 20)
    asked = [bench.ask() for _ in range(5000)]
    bench.inner.refusal = QueueFull("full")
    bench.inner.finish(WorkerLost("gone"))
    assert {each.error for each in asked[1:]} == {"queue_full"}
    assert bench.model.backlog() == Backlog(0, 0)


def test_the_caller_of_the_one_that_is_computed_leaves_and_the_others_lose_nothing(bench: Bench) -> None:
    first, second = bench.ask(), bench.ask()
    first.cancel()
    bench.inner.finish()
    assert (first.answers, second.arrays, bench.inner.runs) == ([], {"y": [[1, 2]]}, 1)
    assert bench.records == [CancelRecord(VERSION, "queued")]


def test_once_all_callers_have_left_the_run_is_withdrawn(bench: Bench) -> None:
    first, second = bench.ask(), bench.ask()
    first.cancel()
    second.cancel()
    first.cancel()
    assert (bench.inner.withdrawn, bench.model.backlog()) == (1, Backlog(0, 0))
    bench.ask()
    assert bench.inner.runs == 2


def test_one_that_leaves_after_its_answer_changes_nothing(bench: Bench) -> None:
    first = bench.ask()
    bench.inner.finish()
    first.cancel()
    assert bench.records == []


def test_who_waits_for_another_keeps_its_own_deadline(bench: Bench) -> None:
    first, second, third = bench.ask(within_ms=5), bench.ask(within_ms=5), bench.ask(within_ms=50)
    bench.clock.pass_ms(5)
    assert (first.answers, second.error, third.answers) == ([], "deadline_exceeded", [])  # the first is the model's
    assert bench.records == [ShedRecord(VERSION, "", "late", None, 5_000_000)]
    bench.inner.finish()
    assert third.arrays == {"y": [[1, 2]]}


def test_the_models_objective_is_a_deadline_too() -> None:
    bench = Bench(objective_ms=4)
    bench.ask()
    second = bench.ask()
    bench.clock.pass_ms(4)
    assert second.error == "deadline_exceeded"


def test_a_deadline_that_has_passed_is_the_models_to_refuse(bench: Bench) -> None:
    bench.ask()
    bench.inner.finish()
    late = bench.ask(within_ms=0)
    assert (late.answers, bench.inner.runs) == ([], 2)


def test_one_that_is_more_urgent_is_computed_itself_and_the_first_answer_is_for_both(bench: Bench) -> None:
    first, urgent = bench.ask(), bench.ask(within_ms=5)
    bench.inner.finish(number=2)
    assert (first.hit, urgent.hit) == (True, False)
    assert (bench.inner.runs, bench.inner.withdrawn) == (2, 1)


def test_a_more_urgent_one_that_is_refused_leaves_the_other_as_it_was(bench: Bench) -> None:
    first = bench.ask()
    bench.inner.refusal = QueueFull("full")
    urgent = bench.ask(within_ms=5)
    bench.inner.finish()
    assert (urgent.error, first.hit) == ("queue_full", False)


@pytest.mark.parametrize(("limits", "reason"), [({"max_waiting": 1}, "queue"), ({"max_waiting_bytes": 15}, "memory")])
def test_only_so_many_may_wait_for_others(limits: dict[str, int], reason: str) -> None:
    bench = Bench(**limits)
    bench.ask()
    second, third = bench.ask(), bench.ask()
    assert (second.answers, third.error) == ([], "queue_full")
    assert bench.records == [ShedRecord(VERSION, "", reason, None, None)]


async def test_draining_answers_who_waits_and_refuses_who_comes(bench: Bench) -> None:
    first, second = bench.ask(), bench.ask()
    draining = asyncio.ensure_future(bench.model.drain())
    await asyncio.sleep(0)
    assert bench.ask().error == "model_unavailable"
    bench.inner.finish(WorkerLost("gone"))
    bench.inner.finish()
    await draining
    assert (first.error, second.arrays) == ("worker_lost", {"y": [[1, 2]]})


async def test_closing_answers_all_with_an_error_and_forgets_what_was_kept(bench: Bench) -> None:
    bench.ask((3, 4))
    bench.inner.finish()
    first, second = bench.ask(), bench.ask()
    await bench.model.close()
    assert (first.error, second.error) == ("model_unavailable", "model_unavailable")
    assert bench.ask((3, 4)).error == "model_unavailable"


def test_a_request_for_a_language_model_is_left_to_the_model(bench: Bench) -> None:
    asked = msgspec.structs.replace(request([[1, 2]]), ask=object())
    bench.model.submit(asked, Got())
    bench.model.submit(asked, Got())
    assert bench.inner.runs == 2


STEP = st.tuples(st.sampled_from(("ask", "ask", "finish", "fail", "wrong", "cancel", "pass")), st.integers(0, 30))


@given(st.lists(STEP, max_size=60), st.integers(0, 3000), st.sampled_from((None, 5_000_000)))
def test_each_request_is_answered_once_and_rightly_or_was_taken_back(
    steps: list[tuple[str, int]], max_bytes: int, ttl_ns: int | None
) -> None:
    bench = Bench(max_bytes, ttl_ns, max_waiting=6)
    asked: list[tuple[float, Asked]] = []
    left: set[int] = set()
    for what, number in steps:
        _step(bench, asked, left, what, number)
        keys = [bytes(each.inputs[0].data) for each, _ in bench.inner.asked.values()]
        equals = [[asked for asked, _ in bench.inner.asked.values() if bytes(asked.inputs[0].data) == k] for k in keys]
        assert all(_ever_more_urgent(each) for each in equals)  # one run, or another for one that could not wait
    while bench.inner.asked:
        bench.inner.finish()
    bench.clock.pass_ms(1000)
    for index, (value, each) in enumerate(asked):
        assert len(each.answers) <= 1
        assert len(each.answers) == 1 or index in left
        assert not each.arrays or each.arrays == {"y": [[value, value]]}
    assert bench.model.backlog() == Backlog(0, 0)


def _step(bench: Bench, asked: list[tuple[float, Asked]], left: set[int], what: str, number: int) -> None:
    acts: dict[str, Callable[[], None]] = {
        "finish": bench.inner.finish,
        "fail": lambda: bench.inner.finish(WorkerLost("gone")),
        "wrong": lambda: bench.inner.finish(InputRefused("not this")),
    }
    if what == "ask":
        within_ms = (None, 3.0, 10.0)[number % 3]
        asked.append((number // 10, bench.ask((number // 10,) * 2, within_ms=within_ms)))
    elif what == "pass":
        bench.clock.pass_ms(number / 10)
    elif what == "cancel" and asked:
        index = number % len(asked)
        if not asked[index][1].answers:
            left.add(index)
        asked[index][1].cancel()
    elif what in acts and bench.inner.asked:
        acts[what]()


def _ever_more_urgent(requests: list[Request]) -> bool:
    due = [float("inf") if each.context.deadline_ns is None else each.context.deadline_ns for each in requests]
    return all(later < earlier for earlier, later in itertools.pairwise(due))


async def test_it_is_whole_once_what_it_answers_for_is() -> None:
    bench = Bench()
    assert bench.model.whole is None  # it is from the beginning
    joined = asyncio.Event()
    bench.inner.whole = joined.wait  # type: ignore[attr-defined]  # it has something to come now
    assert bench.model.whole == joined.wait
