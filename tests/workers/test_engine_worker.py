"""The worker's side of a language model, run on a thread against the server's end of the channel."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.generation import Ask, Detokenize, Detokenized, LanguageFacts, StepFacts
from headrace.llm.engine_protocol import Answered, Engine, EngineLoading, Fault, Told
from headrace.llm.terms import UNSAID, Terms
from headrace.settings import Llm
from headrace.types import Manifest
from headrace.workers import engine_wire as wire
from headrace.workers.engine_worker import run

ASKED = wire.Load(EngineLoading(Manifest("m", 1, Path("m"), "test"), 1, Llm()))
FACTS = LanguageFacts("test", ("generate",), 10, 10, 0, "none", False)
WAIT_S = 30


class Steps:
    """An engine whose steps wait for the test; each answers every request that it has, and tells what it was asked."""

    facts = FACTS

    def __init__(self, later: bool = False, rests: int = 0) -> None:
        self.go = threading.Semaphore(0)
        self.began = threading.Semaphore(0)
        self.closed = threading.Event()
        self.rests = rests  # pieces of work to do while nobody waits
        self.rested = threading.Event()  # all of them are done
        self._later = later  # nothing to do in a step until `go`
        self._has: list[int] = []
        self._log = ""

    @property
    def busy(self) -> bool:
        return bool(self._has) and not self._later

    def add(self, number: int, ask: Ask, terms: Terms = UNSAID, told: Sequence[Told] = ()) -> None:
        self._has.append(number)
        self._log += f"+{number}"

    def abort(self, number: int) -> None:
        self._has.remove(number)
        self._log += f"-{number}"

    def step(self) -> list[Answered]:
        if not self._has:
            return []
        self.began.release()
        if not self.go.acquire(blocking=not self._later):
            return []
        answers = [Answered(number, True, Detokenized(self._log)) for number in self._has]
        self._has = []
        return answers

    def rest(self) -> bool:
        assert not self._has, "somebody waits"
        if not self.rests:
            self.rested.set()
            return False
        self.rests -= 1
        return True

    def counts(self) -> StepFacts:
        return StepFacts(waiting=len(self._has))

    def close(self) -> None:
        self.closed.set()


class Bench:
    """A worker on a thread; the test is the server."""

    def __init__(self, load: Callable[[EngineLoading], Engine]) -> None:
        self.channel, theirs = wire.channel()
        self.channel.settimeout(WAIT_S)
        self._frames = wire.Frames(self.channel)
        self._waiting: list[wire.Answer] = []
        self.thread = threading.Thread(target=self._run, args=(theirs, load))
        self.thread.start()

    def _run(self, theirs: object, load: Callable[[EngineLoading], Engine]) -> None:
        with theirs:  # type: ignore[attr-defined]
            run(theirs, load)  # type: ignore[arg-type]

    def tell(self, *added: int, aborted: tuple[int, ...] = ()) -> None:
        self.send(wire.Asked(tuple(wire.Add(number, Detokenize(())) for number in added), aborted))

    def send(self, question: wire.Question) -> None:
        self.channel.sendall(wire.framed(question))

    def next(self) -> wire.Answer:
        while not self._waiting:
            frames = self._frames.receive()
            assert frames is not None
            self._waiting += [wire.decode_answer(frame) for frame in frames]
        return self._waiting.pop(0)

    def step(self) -> list[tuple[int, str]]:
        """The answers of the next step that gave some."""
        answers: Sequence[Answered] = ()
        while not answers:
            stepped = self.next()
            assert isinstance(stepped, wire.Stepped)
            answers = stepped.answers
        return [(each.number, each.result.text) for each in answers if isinstance(each.result, Detokenized)]

    def close(self) -> None:
        self.channel.close()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


@pytest.fixture
def engine() -> Steps:
    return Steps()


@pytest.fixture
def bench(engine: Steps) -> Iterator[Bench]:
    made = Bench(lambda asked: engine)
    made.send(ASKED)
    assert made.next() == wire.Loaded(FACTS)
    yield made
    made.close()


def test_all_answers_of_a_step_leave_in_one_message(bench: Bench, engine: Steps) -> None:
    engine.go.release()
    bench.tell(1, 2, 3)
    assert bench.step() == [(1, "+1+2+3"), (2, "+1+2+3"), (3, "+1+2+3")]


def test_what_comes_and_goes_during_a_step_is_known_to_the_next(bench: Bench, engine: Steps) -> None:
    bench.tell(1)
    engine.began.acquire()
    bench.tell(2, 3)
    bench.tell(4, aborted=(2,))
    engine.go.release(2)
    assert bench.step() == [(1, "+1")]
    assert bench.step() == [(3, "+1+2+3-2+4"), (4, "+1+2+3-2+4")]


def test_what_was_aborted_is_told_before_the_next_step(bench: Bench, engine: Steps) -> None:
    bench.tell(1)
    engine.began.acquire()
    bench.tell(2)
    bench.tell(3, aborted=(2,))
    engine.go.release()
    assert bench.step() == [(1, "+1")]
    assert bench.next() == wire.Stepped([], StepFacts(waiting=1))
    engine.go.release()
    assert bench.step() == [(3, "+1+2-2+3")]


def test_a_request_that_runs_is_told_before_its_first_step_ends() -> None:
    class Pipelined(Steps):
        """Each step leaves the next one under way."""

        def counts(self) -> StepFacts:
            return StepFacts(running=len(self._has))

    engine = Pipelined(later=True)
    bench = Bench(lambda asked: engine)
    bench.send(ASKED)
    bench.next()
    bench.tell(1)
    assert bench.next() == wire.Stepped([], StepFacts(running=1))
    engine.go.release()
    assert bench.step() == [(1, "+1")]
    bench.close()


def test_what_threads_of_the_engine_make_is_looked_for(tmp_path: Path) -> None:
    engine = Steps(later=True)
    bench = Bench(lambda asked: engine)
    bench.send(ASKED)
    bench.next()
    bench.tell(1)
    assert engine.began.acquire(timeout=WAIT_S)  # a step that had nothing to do yet
    engine.go.release()
    assert bench.step() == [(1, "+1")]
    bench.close()


def test_while_nobody_waits_the_engine_rests_until_nothing_is_left_to_do() -> None:
    engine = Steps(rests=3)
    bench = Bench(lambda asked: engine)
    bench.send(ASKED)
    bench.next()
    assert engine.rested.wait(WAIT_S)
    assert engine.rests == 0
    engine.go.release()
    bench.tell(1)
    assert bench.step() == [(1, "+1")]
    bench.close()


def test_a_prompt_of_megabytes_comes_whole(bench: Bench, engine: Steps) -> None:
    engine.go.release()
    bench.send(wire.Asked((wire.Add(1, Detokenize(tuple(range(500_000)))),), ()))
    assert bench.step() == [(1, "+1")]


def test_the_engine_is_closed_once_the_server_is_gone(bench: Bench, engine: Steps) -> None:
    bench.close()
    assert engine.closed.is_set()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ModelInvalid("is not known", "general.architecture"),
            ("model_invalid", "is not known", "general.architecture"),
        ),
        (ValueError("surprise"), ("internal", "ValueError: surprise", "")),
    ],
)
def test_a_model_that_does_not_load_is_told_with_the_reason(
    error: Exception, told: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    def load(asked: EngineLoading) -> Engine:
        raise error

    bench = Bench(load)
    bench.send(ASKED)
    assert bench.next() == wire.LoadFailed(Fault(*told))
    bench.close()
