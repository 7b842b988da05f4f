"""The worker's side of the border, run on a thread against the server's end of the channel."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.arrays import from_array, to_array
from headrace.errors import ModelInvalid
from headrace.runtimes.load import Loaded, Loading
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, BatchAxis, Manifest, Signature, TensorSpec
from headrace.workers import wire
from headrace.workers.slots import Area, Slot
from headrace.workers.worker import run

ASKED = wire.Load(Loading(Manifest("m", 1, Path("m"), "test"), 1, 64, 1e-3))
LEARNED = BatchAxis(True, 4, why="learned")


class Model:
    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", "FP32", (FREE,)),)
    outputs: tuple[TensorSpec, ...] = (TensorSpec("y", "FP32", (FREE,)),)
    platform = runtime = "test"
    coarse = False

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        if not arrays["x"].size:
            raise RuntimeError("nothing there")
        return {"y": np.add(arrays["x"], arrays["x"])}

    def close(self) -> None: ...


class Bench:
    """A worker on a thread; the test is the server."""

    def __init__(self, load: Callable[[Loading], Loaded]) -> None:
        self.channel, theirs = wire.channel()
        self.slot = Slot.create(0)
        mirrored = [Slot(0, Area(self.slot.inputs.fd), Area(self.slot.outputs.fd))]
        self.thread = threading.Thread(target=self._run, args=(theirs, mirrored, load))
        self.thread.start()

    def _run(self, theirs: socket.socket, slots: list[Slot], load: Callable[[Loading], Loaded]) -> None:
        with theirs:
            run(theirs, slots, load)

    def ask(self, question: wire.Question) -> wire.Answer:
        self.channel.send(wire.encode(question))
        return self.next()

    def next(self) -> wire.Answer:
        return wire.decode_answer(self.channel.recv(wire.MAX_MESSAGE_BYTES))

    def run(self, *values: float) -> wire.Answer:
        data = from_array("x", np.array(values, np.float32)).data
        self.slot.inputs.room(len(data))[: len(data)] = data
        return self.ask(wire.Run(0, len(data), (wire.Part("x", "FP32", (len(values),), 0, len(data)),), ()))

    def close(self) -> None:
        self.channel.close()
        self.thread.join()
        self.slot.close()


class Tripling(Model):
    """As which it is run once its axis is known."""

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        return {"y": np.add(arrays["x"], np.add(arrays["x"], arrays["x"]))}


def known(model: Model, axis: BatchAxis) -> Loaded:
    about = Signature(Model.inputs, Model.outputs, axis, "test", "test")
    return Loaded(model, about, lambda example: known(Tripling(), LEARNED))


def loaded(pending: bool) -> Loaded:
    return known(Model(), BatchAxis(not pending, 4, pending=pending))


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(lambda asked: loaded(pending=getattr(request, "param", False)))
    yield made
    made.close()


def outputs(bench: Bench, done: wire.Answer) -> list[float]:
    assert isinstance(done, wire.Done)
    (tensor,) = wire.tensors(done.outputs, bench.slot.outputs.view(done.size))
    found: list[float] = to_array(tensor).tolist()
    return found


def test_a_run_answers_with_where_its_outputs_lie(bench: Bench) -> None:
    assert isinstance(bench.ask(ASKED), wire.Loaded)
    done = bench.run(1, 2)
    assert isinstance(done, wire.Done)
    (part,) = done.outputs
    data = bench.slot.outputs.view(done.size)[part.offset : part.offset + part.num_bytes]
    assert np.frombuffer(data, np.float32).tolist() == [2, 4]


def test_a_fault_of_the_model_is_told_and_the_worker_goes_on(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.ask(ASKED)
    assert bench.run() == wire.RunFailed(0, "internal", "RuntimeError: nothing there")
    assert isinstance(bench.run(1), wire.Done)


def test_runs_that_are_asked_for_in_the_same_words_have_their_own_outputs(bench: Bench) -> None:
    bench.ask(ASKED)
    for values in ((1.0, 2.0), (3.0, 4.0), (5.0,), (6.0, 7.0)):
        assert outputs(bench, bench.run(*values)) == [2 * value for value in values]


@pytest.mark.parametrize("bench", [True], indirect=True)
def test_the_batch_axis_is_learned_after_the_first_answer_and_only_once(bench: Bench) -> None:
    bench.ask(ASKED)
    assert isinstance(bench.run(1), wire.Done)
    assert bench.next() == wire.Learned(known(Tripling(), LEARNED).signature)
    assert isinstance(bench.run(1), wire.Done)
    assert isinstance(bench.run(1), wire.Done)


@pytest.mark.parametrize("bench", [True], indirect=True)
def test_what_was_learned_runs_what_comes_behind_it(bench: Bench) -> None:
    bench.ask(ASKED)
    assert outputs(bench, bench.run(1)) == [2]
    bench.next()
    assert outputs(bench, bench.run(1)) == [3]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModelInvalid("no such operator"), wire.LoadFailed("model_invalid", "no such operator")),
        (ValueError("surprise"), wire.LoadFailed("internal", "ValueError: surprise")),
    ],
)
def test_a_model_that_does_not_load_is_told_with_the_reason(
    error: Exception, told: wire.LoadFailed, caplog: pytest.LogCaptureFixture
) -> None:
    def load(asked: Loading) -> Loaded:
        raise error

    bench = Bench(load)
    assert bench.ask(ASKED) == told
    bench.close()


def test_a_model_whose_names_fill_no_message_is_refused_with_what_to_do() -> None:
    short = loaded(pending=False)
    long = (TensorSpec("x" * wire.MAX_MESSAGE_BYTES, "FP32", (FREE,)),)
    signature = msgspec.structs.replace(short.signature, inputs=long)
    made = Bench(lambda asked: msgspec.structs.replace(short, signature=signature))
    answer = made.ask(ASKED)
    made.close()
    assert isinstance(answer, wire.LoadFailed)
    assert (answer.code, "shorten them" in answer.message) == (ModelInvalid.code, True)


def test_a_model_that_is_held_twice_is_told_once_behind_an_answer() -> None:
    made = Bench(lambda asked: msgspec.structs.replace(loaded(pending=False), spreads=lambda: True))
    made.ask(ASKED)
    assert isinstance(made.run(1), wire.Done)
    assert made.next() == wire.Spreads()
    assert isinstance(made.run(1), wire.Done)
    assert isinstance(made.run(1), wire.Done)
    made.close()
