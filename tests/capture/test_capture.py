"""Samples become captured requests, without anybody waiting for a disk."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from headrace.capture import capture as module
from headrace.capture.capture import Capture
from headrace.capture.choice import Choice
from headrace.capture.redaction import Redaction
from headrace.errors import HeadraceError
from headrace.generation import Delta, Embed, Generate, Generated, Prompt, Usage
from headrace.records import SampleRecord
from headrace.types import BatchFacts, Context, ModelRef, ModelVersion, Request, Response, Tensor

VERSION = ModelVersion("m", 3)
RUN = BatchFacts(2, 2, "full", 0, 5_000, 1_000_000, 2_000_000, 500_000)


def _sample(name: str = "x", batch: BatchFacts | None = RUN) -> SampleRecord:
    tensor = Tensor(name, "UINT8", (2,), b"\1\2")
    return SampleRecord(VERSION, "r", "acme", (tensor,), (tensor,), 7_000_000_000, batch)


@pytest.fixture
async def capture() -> AsyncIterator[Capture]:
    made = Capture(
        Choice(1.0), Redaction({"secret": "drop"}), None, 1 << 20, epoch_ns=1_000_000_000, now_ns=lambda: 5_000_000_000
    )
    await made.start()
    yield made
    await made.close()


async def test_a_sample_is_kept_with_its_run_and_without_what_is_secret(capture: Capture) -> None:
    capture([_sample(), _sample("secret"), _sample(batch=None)])
    (_, first), (_, second) = await capture.read("m", None, 0, 10)
    assert (first.at, first.run, first.rows, first.ms, first.tenant) == (8.0, 5_000, 2, 3.5, "acme")
    assert [tensor.name for tensor in first.inputs] == ["x"]
    assert second.inputs == second.outputs == ()
    assert (await capture.summaries())[0].requests == 2


async def test_the_gateway_is_told_what_is_wanted(capture: Capture) -> None:
    request = Request("r", ModelRef("m"), ())
    assert capture.wants(request, Response(VERSION, (), RUN))
    assert not capture.wants(request, Response(VERSION, (), None))


async def test_a_text_is_kept_once_it_is_whole(capture: Capture) -> None:
    replied: list[Response | HeadraceError] = []
    asked = Request(
        "r", ModelRef("m"), (), context=Context(3_000_000_000, tenant="acme"), ask=Generate(Prompt(text="Hi"))
    )
    reply = capture.follow(asked, VERSION, replied.append)
    reply(Response(VERSION, (), None, result=Generated((Delta(0, "Hello", (1,)),), Usage(1, 1))))
    ((_, kept),) = await capture.read("m", None, 0, 10)
    assert (kept.request, kept.version, kept.tenant, kept.ms, kept.at) == ("r", 3, "acme", 2000.0, 6.0)
    assert kept.text is not None
    assert kept.text.choices[0].text == "Hello"
    assert len(replied) == 1


async def test_what_is_no_text_is_answered_as_it_was(capture: Capture) -> None:
    replied: list[Response | HeadraceError] = []
    assert capture.follow(Request("r", ModelRef("m"), (), ask=Embed(("a",))), VERSION, replied.append) == replied.append


async def test_what_is_forgotten_is_gone(capture: Capture) -> None:
    capture([_sample()])
    assert await capture.remove("m") == 1
    assert await capture.summaries() == []


async def test_more_than_waits_for_a_slow_disk_is_left_out_and_counted(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 10)
    capture([_sample(), _sample()])
    capture([_sample(), _sample()])
    assert capture.dropped == {"full": 2}
    assert len(await capture.read("m", None, 0, 10)) == 2
    await asyncio.sleep(0)
    capture([_sample()])
    assert len(await capture.read("m", None, 0, 10)) == 3


async def test_before_it_is_started_and_after_its_end_nothing_is_kept() -> None:
    made = Capture(Choice(1.0), Redaction({}), None, 1 << 20, 0, lambda: 0)
    made([_sample()])
    await made.start()
    assert await made.summaries() == []
    await made.close()
    made([_sample()])
