"""Frames survive the way between the processes."""

from pathlib import Path

import pytest

from headrace.runtimes.load import Loading
from headrace.types import Manifest, WarmUp, WarmUpInput
from headrace.workers import wire
from tests.fakes import signature

PART = wire.Part("x", "FP32", (2, 3), 64, 24)
MANIFEST = Manifest(
    "m",
    1,
    Path("/m/model.onnx"),
    "onnx",
    folder=Path("/m"),
    warm_up=(WarmUp("w", 1, 1, {"x": WarmUpInput("FP32", (2,), "zero")}),),
    config={"name": "m", "input": [{"dims": [1]}]},
)


@pytest.mark.parametrize("question", [wire.Load(Loading(MANIFEST, 2, 64, 1e-3)), wire.Run(1, 88, (PART,), ("y",))])
def test_questions_come_out_as_they_went_in(question: wire.Question) -> None:
    assert wire.decode_question(wire.encode(question)) == question


@pytest.mark.parametrize(
    "answer",
    [
        wire.Loaded(signature(), 1.25),
        wire.LoadFailed("model_invalid", "no"),
        wire.Done(0, 88, (PART,), wire.written_times(1, 2, 3)),
        wire.RunFailed(0, "input_refused", "no"),
        wire.Learned(signature()),
        wire.Spreads(),
    ],
)
def test_answers_come_out_as_they_went_in(answer: wire.Answer) -> None:
    assert wire.decode_answer(wire.encode(answer)) == answer


def test_the_channel_keeps_the_borders_of_messages_and_ends_with_the_other_side() -> None:
    ours, theirs = wire.channel()
    with ours:
        with theirs:
            theirs.send(b"one")
            theirs.send(b"two")
        inbox = wire.Inbox(ours)
        assert [bytes(inbox.receive()) for _ in range(3)] == [b"one", b"two", b""]


def test_an_inbox_of_a_channel_that_does_not_block_says_that_nothing_is_there() -> None:
    ours, theirs = wire.channel()
    with ours, theirs:
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.Inbox(ours).receive()
