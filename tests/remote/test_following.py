"""Following a mirror through faults."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from headrace.remote.faults import RemoteFault
from headrace.remote.following import LONGEST_S, Following, pause_s
from headrace.remote.mirror import Round


class Scripted:
    """A mirror whose rounds are told beforehand; after the last the following is over."""

    def __init__(self, rounds: list[Round | RemoteFault]) -> None:
        self.rounds: Iterator[Round | RemoteFault] = iter(rounds)

    async def sync(self, *, settled: bool) -> Round:
        assert settled
        found = next(self.rounds, None)
        if found is None:
            raise asyncio.CancelledError
        if isinstance(found, RemoteFault):
            raise found
        return found


async def follow(rounds: list[Round | RemoteFault]) -> list[float]:
    """How long it waited before each look."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(asyncio.CancelledError):
        await Following(Scripted(rounds), 30, sleep).run()
    return pauses


async def test_faults_are_come_back_to_sooner_then_later_and_forgotten_once_over() -> None:
    cut = RemoteFault("cut off")
    assert await follow([Round((), ()), cut, cut, cut, Round(("m",), ()), cut]) == [30, 30, 1, 2, 4, 30, 1]


async def test_a_fault_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await follow([RemoteFault("cut off"), Round((), ("cut off",)), Round(("m",), ())])
    assert [record.message for record in caplog.records] == [
        "the models' repository: cut off; what is served goes on",
        "m is here as its repository has it",
        "the models' repository is followed again",
    ]


async def test_a_round_that_brought_something_counts_as_the_first_fault() -> None:
    assert await follow([RemoteFault("x"), RemoteFault("x"), Round(("m",), ("y",))]) == [30, 1, 2, 1]


def test_a_pause_never_grows_beyond_its_limit() -> None:
    assert pause_s(1000, 30) == LONGEST_S
    assert pause_s(1000, 3600) == 3600
