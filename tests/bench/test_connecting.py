"""How answers are waited for, and why there was none."""

import asyncio
import ssl

import pytest

from headrace.bench.connecting import reason, told_within


async def test_an_answer_is_waited_for_so_long_and_its_question_taken_back() -> None:
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    taken_back: list[bool] = []
    with pytest.raises(ConnectionError, match=r"no answer in 0\.001 s"):
        await told_within(0.001, told, lambda: taken_back.append(True))
    there: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    there.set_result(7)
    assert await told_within(1.0, there, lambda: taken_back.append(True)) == 7
    assert taken_back == [True, True]


def tls(why: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {why}] (_ssl.c:1032)")
    error.reason = why
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError(113, "[Errno 113] No route to host"), "no route to host"),
        (OSError("[Errno -2] Name or service not known"), "name or service not known"),
        (TimeoutError(), "no connection in time"),
        (tls("WRONG_VERSION_NUMBER"), "TLS fails: wrong version number"),
        (ConnectionResetError(), "connectionreseterror"),
    ],
)
def test_a_fault_is_told_in_a_few_words(error: OSError, words: str) -> None:
    assert reason(error) == words
