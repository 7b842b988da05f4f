"""Requests that come in one turn are asked as one, and each gets what it would have got alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.alike import lot_of
from headrace.errors import HeadraceError, QueueFull
from headrace.gateway.bundles import Parted
from headrace.gateway.gateway import Gateway
from headrace.models.registry import Registry, Served
from headrace.protocols.oip.together import HELD_NS, Form, Line
from headrace.records import Record, RequestRecord
from headrace.servable import Cancel, Reply, Together
from headrace.types import (
    BatchFacts,
    Buffer,
    Manifest,
    ModelRef,
    ModelVersion,
    Request,
    Response,
    Tensor,
)
from tests.fakes import FakeClock
from tests.gateway.test_gateway import Kept

VERSION = ModelVersion("m", 1)
FORM = Form(ModelRef("m"), (("x", "FP32", (1, 2)),), (), "http")


def numbers(*values: float) -> bytes:
    return np.array(values, np.float32).tobytes()


class Bundled(Kept):
    """A Servable that takes bundles of up to `most` rows; doubles what it is asked once the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 8
        self.asked: list[tuple[Request, Reply]] = []

    def together(self) -> Together:
        return Together(self.most, 1)

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.asked.append((request, reply))
        return lambda: None

    def answer(self, error: HeadraceError | None = None, datatype: str = "FP32", missing_rows: int = 0) -> None:
        request, reply = self.asked.pop(0)
        assert request.bundle is not None
        rows = request.inputs[0].shape[0]
        sent = b"".join(bytes(part) for (part,) in request.bundle.contents)
        assert len(sent) == rows * 8
        doubled = Tensor(
            "y", datatype, (rows - missing_rows, 2), (np.frombuffer(sent, np.float32) * 2).tobytes()[missing_rows * 8 :]
        )
        reply(error or Response(VERSION, (doubled,), BatchFacts(rows, rows, "idle", 0, 5), rows=rows, device_ns=80))


class Asker:
    def __init__(self) -> None:
        self.got: list[list[float]] = []
        self.answers: list[Response] = []
        self.alone = 0
        self.broken = False
        self.leave: Callable[[], object] = lambda: None

    def told(self, answer: Parted, place: int) -> None:
        if self.broken:
            raise RuntimeError("broken")
        self.answers.append(answer.response(place))
        (output,) = answer.contents[place]
        self.got.append(np.frombuffer(bytes(output), np.float32).tolist())

    def ask_alone(self) -> None:
        self.alone += 1


class Bench:
    """A line in which requests are held from the first on."""

    def __init__(self, form: Form = FORM) -> None:
        self.clock = FakeClock()
        self.records: list[Record] = []
        self.model = Bundled()
        self.registry = registry = Registry()
        registry.publish(Served(VERSION, Manifest("m", 1, Path("m"), "fake"), self.model))
        self.gateway = Gateway(registry, self.records.append, self.clock)
        self.line = Line(form, self.gateway, self.clock)
        for _ in range(2):
            self.takes()

    def takes(self) -> bool:
        return self.line.takes(self.clock.now_ns())

    def ask(self, *contents: Buffer, id_: str = "a") -> Asker:
        asker = Asker()
        if self.takes():
            asker.leave = self.line.hold(asker, id_, self.clock.now_ns(), contents)
        else:
            asker.ask_alone()
        return asker

    def sizes(self) -> list[int]:
        """Of the bundles that the model was asked and has not answered."""
        return [len(request.bundle.contents) for request, _ in self.model.asked if request.bundle]

    def requests(self) -> list[RequestRecord]:
        return list(lot_of(self.records).requests)


def test_those_of_one_turn_are_asked_as_one_and_get_their_own_rows() -> None:
    bench = Bench()
    askers = [bench.ask(numbers(at, 10 * at)) for at in range(3)]
    assert not bench.model.asked
    bench.clock.pass_ms()
    assert len(bench.model.asked) == 1
    bench.model.answer()
    assert [asker.got for asker in askers] == [[[2.0 * at, 20.0 * at]] for at in range(3)]
    assert [(asker.answers[0].rows, asker.answers[0].device_ns) for asker in askers] == [(1, 26)] * 3


def test_requests_of_several_rows_get_theirs() -> None:
    bench = Bench(Form(ModelRef("m"), (("x", "FP32", (2, 2)),), (), "http"))
    askers = [bench.ask(numbers(at, at, at + 1, at + 1)) for at in (1, 5)]
    bench.clock.pass_ms()
    bench.model.answer()
    assert [asker.got for asker in askers] == [[[2, 2, 4, 4]], [[10, 10, 12, 12]]]


def test_one_that_is_alone_in_its_turn_is_asked_with_nobody() -> None:
    bench = Bench()
    asker = bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    assert bench.sizes() == [1]
    bench.model.answer()
    assert asker.got == [[2, 2]]


def test_the_first_of_a_turn_waits_for_those_of_the_next() -> None:
    bench = Bench()

    def another() -> None:
        bench.ask(numbers(1, 1))

    another()
    bench.clock.call_soon(another)
    bench.clock.pass_ms()
    assert bench.sizes() == [2]


def test_no_more_are_asked_as_one_than_a_run_may_have() -> None:
    bench = Bench()
    for _ in range(11):
        bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    assert bench.sizes() == [8]
    bench.model.answer()
    bench.clock.pass_ms()
    assert bench.sizes() == [3]


def test_what_comes_while_a_bundle_is_under_way_is_held_until_that_is_answered() -> None:
    bench = Bench()
    first = [bench.ask(numbers(1, 1)) for _ in range(2)]
    bench.clock.pass_ms()
    for _ in range(3):
        bench.ask(numbers(2, 2))
        bench.clock.pass_ms(0.1)
    assert len(bench.model.asked) == 1
    bench.model.answer()
    assert bench.sizes() == [3]
    assert all(asker.got for asker in first)


def test_fewer_than_were_answered_wait_for_those_whom_the_answers_reach() -> None:
    bench = Bench()
    for _ in range(3):
        bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    bench.ask(numbers(2, 2))
    bench.model.answer()
    assert bench.sizes() == []
    bench.ask(numbers(3, 3))
    bench.clock.pass_ms()
    assert bench.sizes() == [2]


def test_what_is_held_for_longer_than_runs_take_waits_in_the_models_queue() -> None:
    bench = Bench()
    for at_ms in (0.0, 1.0):
        for _ in range(2):
            bench.ask(numbers(1, 1))
        bench.clock.pass_ms(at_ms)
    assert len(bench.model.asked) == 1
    bench.clock.pass_ms(HELD_NS / 1e6)
    assert len(bench.model.asked) == 2


def test_who_went_with_an_answer_is_not_looked_for() -> None:
    bench = Bench()
    bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    asker = bench.ask(numbers(2, 2))
    bench.model.answer()
    bench.clock.pass_ms()
    assert bench.sizes() == [1]
    bench.model.answer()
    assert asker.got == [[4, 4]]


def test_each_is_held_for_its_own_time() -> None:
    bench = Bench()
    for _ in range(2):
        bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    bench.ask(numbers(1, 1))
    bench.ask(numbers(1, 1))
    bench.clock.pass_ms(1.5)
    bench.model.answer()
    bench.ask(numbers(2, 2))
    bench.clock.pass_ms(1.5)
    assert bench.sizes() == [2]
    bench.clock.pass_ms(1)
    assert bench.sizes() == [2, 1]


def test_more_than_a_run_may_have_does_not_wait_for_it() -> None:
    bench = Bench()
    for _ in range(2):
        bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    for _ in range(9):
        bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    assert bench.sizes() == [2, 8]


def test_each_is_recorded_as_if_it_had_been_asked_alone() -> None:
    bench = Bench()
    bench.ask(numbers(1, 1), id_="a")
    bench.clock.time_ns += 7
    bench.ask(numbers(1, 1), id_="b")
    bench.clock.pass_ms(1)
    assert bench.gateway.in_flight == 2
    bench.model.answer()
    first, second = bench.requests()
    assert (first.id, second.id, second.arrived_ns - first.arrived_ns) == ("a", "b", 7)
    assert (first.rows, first.batch, first.error, first.protocol) == (1, BatchFacts(2, 2, "idle", 0, 5), "", "http")
    assert bench.gateway.in_flight == 0


@pytest.mark.parametrize("error", [QueueFull("full"), None])
def test_where_it_fails_each_is_asked_alone_and_nothing_is_recorded(error: HeadraceError | None) -> None:
    bench = Bench()
    askers = [bench.ask(numbers(1, 1)) for _ in range(2)]
    bench.clock.pass_ms()
    if error:
        bench.model.answer(error)
    else:
        bench.model.answer(missing_rows=1)
    assert [(asker.alone, asker.got) for asker in askers] == [(1, [])] * 2
    assert bench.gateway.in_flight == 0
    assert not bench.requests()


def test_an_answer_that_cannot_be_delivered_keeps_nobody_elses_back() -> None:
    bench = Bench()
    broken, other = bench.ask(numbers(1, 1)), bench.ask(numbers(2, 2))
    broken.broken = True
    bench.clock.pass_ms()
    bench.model.answer()
    assert other.got == [[4, 4]]


def test_strings_are_not_cut_by_their_bytes() -> None:
    bench = Bench()
    asker = bench.ask(numbers(1, 1))
    bench.ask(numbers(1, 1))
    bench.clock.pass_ms()
    bench.model.answer(datatype="BYTES")
    assert asker.alone == 1


def test_a_model_that_is_gone_by_then_is_each_ones_own_to_find() -> None:
    bench = Bench()
    askers = [bench.ask(numbers(1, 1)) for _ in range(2)]
    bench.registry.withdraw(VERSION)
    bench.clock.pass_ms()
    assert [asker.alone for asker in askers] == [1, 1]


def test_whose_caller_left_is_recorded_as_that_and_asked_no_more() -> None:
    bench = Bench()
    gone, stays = bench.ask(numbers(1, 1), id_="gone"), bench.ask(numbers(2, 2), id_="stays")
    bench.clock.pass_ms()
    gone.leave()
    bench.model.answer()
    assert stays.got == [[4, 4]]
    assert {record.id: record.error for record in bench.requests()} == {"gone": "cancelled", "stays": ""}


def test_where_all_have_left_nothing_is_run() -> None:
    bench = Bench()
    for asker in [bench.ask(numbers(1, 1)) for _ in range(2)]:
        asker.leave()
    bench.clock.pass_ms()
    assert not bench.model.asked


def test_a_model_that_takes_none_is_not_waited_for() -> None:
    bench = Bench()
    bench.model.most = 1
    assert not bench.takes()


def test_a_drain_that_begins_within_the_turn_waits_for_them() -> None:
    bench = Bench()
    bench.ask(numbers(1, 1))
    assert bench.gateway.in_flight == 1


@pytest.mark.parametrize("shapes", [[()], [(1,), (2,)], [(0, 2)]])
def test_where_no_rows_are_plain_to_see_none_are_held(shapes: list[tuple[int, ...]]) -> None:
    form = Form(ModelRef("m"), [("x", "FP32", shape) for shape in shapes], (), "http")
    assert not Bench(form).takes()


@given(st.lists(st.tuples(st.sampled_from(("ask", "leave", "turn", "answer", "fail")), st.integers(0, 9)), max_size=40))
def test_everybody_is_answered_once_or_asks_alone_once_or_has_left(steps: list[tuple[str, int]]) -> None:
    bench = Bench()
    askers: list[Asker] = []
    left: set[int] = set()
    for what, at in steps:
        if what == "ask":
            askers.append(bench.ask(numbers(len(askers), 0)))
        elif what == "leave" and askers:
            left.add(at % len(askers))
            askers[at % len(askers)].leave()
        elif what == "turn":
            bench.clock.pass_ms()
        elif what in ("answer", "fail") and bench.model.asked:
            bench.model.answer(QueueFull("full") if what == "fail" else None)
    bench.clock.pass_ms()
    while bench.model.asked:
        bench.model.answer()
        bench.clock.pass_ms()
    for place, asker in enumerate(askers):
        ends = len(asker.got) + asker.alone
        assert ends == 1 or (place in left and ends <= 1)
        assert asker.got in ([], [[2.0 * place, 0.0]])
    assert bench.gateway.in_flight == 0
