"""Messages of any size survive the stream between the processes, however it is cut."""

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.generation import (
    Delta,
    Embed,
    Generate,
    Generated,
    Grammar,
    LanguageFacts,
    Prompt,
    Sampling,
    StepFacts,
    Tokenize,
    TokenLogprob,
    ToolCall,
    Usage,
)
from headrace.llm.engine_protocol import Answered, DraftFile, EngineLoading, Fault
from headrace.llm.terms import Terms
from headrace.settings import Llm
from headrace.types import LanguageChoices, Manifest
from headrace.workers import engine_wire as wire

MANIFEST = Manifest("m", 1, Path("/m/model.gguf"), "llm", llm=LanguageChoices(draft="draft.gguf"))
SAMPLING = Sampling(0.5, logit_bias={7: -1.0}, stop=("a",), logprobs=2)
CHAT = Generate(
    Prompt(messages=({"role": "user", "content": "Hi"},), tools=({"type": "function"},)),
    SAMPLING,
    grammar=Grammar("regex", "a+", "guided_regex"),
)
FACTS = LanguageFacts("llama", ("generate",), 8192, 49152, 10**8, "int8", True)
LOGPROB = TokenLogprob(1, "a", b"\xff", -0.5, (TokenLogprob(2, "b", b"b", -1.0),))
DELTA = Delta(0, "a", (1,), (LOGPROB,), (ToolCall(0, "{", "id", "f"),), "stop", 7)


@pytest.mark.parametrize(
    "question",
    [
        wire.Load(EngineLoading(MANIFEST, 2, Llm(kv_memory=0.5))),
        wire.Load(EngineLoading(MANIFEST, 2, draft=DraftFile("llm.draft", Path("/m/draft.gguf")))),
        wire.Asked(
            (
                wire.Add(1, CHAT, Terms(1, "alice", 5, 6, 7, 8)),
                wire.Add(2, Embed(("a", (1, 2)))),
                wire.Add(3, Tokenize(Prompt(token_ids=(1,)))),
            ),
            (4, 5),
        ),
    ],
)
def test_questions_come_out_as_they_went_in(question: wire.Question) -> None:
    assert wire.decode_question(wire.encode(question)) == question


@pytest.mark.parametrize(
    "answer",
    [
        wire.Loaded(FACTS),
        wire.LoadFailed(Fault("model_invalid", "no", "head")),
        wire.Stepped(
            [
                Answered(1, False, Generated((DELTA,), Usage(3, 1), (LOGPROB,), (1, 2, 3))),
                Answered(2, True, None, Fault("invalid_request", "no", "prompt")),
            ],
            StepFacts(0.01, prompt_tokens=3, running=1),
        ),
    ],
)
def test_answers_come_out_as_they_went_in(answer: wire.Answer) -> None:
    assert wire.decode_answer(wire.encode(answer)) == answer


def test_a_request_that_is_encoded_already_is_the_same_question() -> None:
    raw = msgspec.Raw(wire.encode(wire.Add(1, CHAT)))
    assert wire.decode_question(wire.encode(wire.AskedRaw([raw], [2]))) == wire.Asked((wire.Add(1, CHAT),), (2,))


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_messages_keep_their_borders_wherever_the_stream_is_cut(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(bytes(wire.framed(message)) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    ours, theirs = wire.channel()
    frames, received = wire.Frames(theirs), []
    with ours, theirs:
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            if begin < end:
                ours.sendall(stream[begin:end])
                received += [bytes(frame) for frame in frames.receive() or ()]
    assert [wire._encoder.encode(message) for message in messages] == received


def test_the_end_of_the_other_side_is_told() -> None:
    ours, theirs = wire.channel()
    with ours:
        theirs.close()
        assert wire.Frames(ours).receive() is None


async def _received(theirs: socket.socket, num_bytes: int) -> bytes:
    loop, received = asyncio.get_running_loop(), b""
    while len(received) < num_bytes:
        received += await loop.sock_recv(theirs, 1 << 20)
    return received


async def test_what_the_worker_does_not_take_yet_is_kept_in_order() -> None:
    ours, theirs = wire.channel()
    for end in (ours, theirs):
        end.setblocking(False)
    with theirs:
        link = wire.FrameLink(ours)
        large = bytes(range(256)) * 40_000
        assert all(link.send(message) for message in (large, b"small", large))
        received = await asyncio.wait_for(_received(theirs, 2 * len(large) + 5 + 12), 30)
        assert received[-len(large) :] == large
        assert received[4 + len(large) + 4 :][:5] == b"small"
        link.close()


async def test_nothing_is_taken_for_a_worker_that_is_gone() -> None:
    ours, theirs = wire.channel()
    ours.setblocking(False)
    link = wire.FrameLink(ours)
    theirs.close()
    assert not link.send(b"anyone there?")
    link.close()
