"""Answers with many log-probabilities are written beside the event loop, and come as others do."""

import threading
from collections.abc import Callable

import pytest
from starlette.responses import Response

from headrace.generation import Delta, Generated, TokenLogprob, Usage
from headrace.protocols.openai.whole_answer import LONG_LOGPROBS, whole_answer
from tests.protocols.oip.stub import Stub
from tests.protocols.openai.server import openai_server


@pytest.mark.parametrize(("number", "beside"), [(LONG_LOGPROBS // 2, False), (LONG_LOGPROBS // 2 + 1, True)])
async def test_one_of_many_is_written_on_another_thread(number: int, beside: bool) -> None:
    token = TokenLogprob(0, "a", b"a", -1.0, (TokenLogprob(1, "b", b"b", -2.0),))
    threads = list[int]()

    def write(rest: Callable[[], None]) -> list[bytes]:
        threads.append(threading.get_ident())
        return [b"{}"]

    generated = [Generated((Delta(logprobs=(token,) * number),), Usage(1, number))]
    response = await whole_answer(Stub().front, write, generated, {"x-a": "b"})
    assert isinstance(response, Response)
    assert (response.headers["content-length"], response.headers["x-a"]) == ("2", "b")
    assert (threads != [threading.get_ident()]) == beside


async def test_a_long_answer_comes_whole() -> None:
    body = {"model": "base", "prompt": "a" * LONG_LOGPROBS, "echo": True, "logprobs": 1, "n": 2, "max_tokens": 1}
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/completions", body)
    assert [len(choice["logprobs"]["tokens"]) for choice in answer.json["choices"]] == [LONG_LOGPROBS + 1] * 2
