"""Messages between the server and a zygote."""

import os

import pytest

from headrace.workers import fork_wire as wire


def test_a_question_comes_with_its_descriptors() -> None:
    ours, theirs = wire.channel()
    with ours, theirs:
        reading, writing = os.pipe()
        wire.ask(ours, wire.Fork(1, "m", {"a": "b"}), [writing])
        os.close(writing)
        question, fds = wire.asked(theirs)
        assert question == wire.Fork(1, "m", {"a": "b"})
        os.write(fds[0], b"x")
        os.close(fds[0])
        assert os.read(reading, 2) == b"x"
        os.close(reading)


def test_a_channel_that_was_closed_gives_no_question() -> None:
    ours, theirs = wire.channel()
    with theirs:
        ours.close()
        assert wire.asked(theirs) == (None, [])


def test_a_channel_that_was_closed_with_an_answer_unread_gives_none_either() -> None:
    ours, theirs = wire.channel()
    with theirs:
        theirs.send(wire.encode(wire.Ready("no")))
        ours.close()
        assert wire.asked(theirs) == (None, [])


@pytest.mark.parametrize("answer", [wire.Ready("no"), wire.Born(1, 2), wire.Unborn(1, "no"), wire.Ended(2, -9)])
def test_an_answer_comes_as_it_was_sent(answer: wire.Answer) -> None:
    assert wire.decode_answer(wire.encode(answer)) == answer
