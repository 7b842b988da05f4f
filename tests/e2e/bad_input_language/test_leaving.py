"""Clients that leave, stall, pipeline and never finish; and an engine that is killed while they wait."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from benchmarks.server import children
from tests.e2e.attack import Target, received, request_bytes

pytestmark = pytest.mark.slow

CHAT = "/v1/chat/completions"
WAIT_S = 20.0


def body(text: str, max_tokens: int, **more: Any) -> bytes:
    asked = {"model": "smollm2", "messages": [{"role": "user", "content": text}], "max_tokens": max_tokens}
    return json.dumps(asked | {"ignore_eos": True, "temperature": 0} | more).encode()


def stream(text: str = "Tell me a story", max_tokens: int = 4000, **more: Any) -> bytes:
    return request_bytes(CHAT, body(text, max_tokens, stream=True, **more))


def idle(target: Target) -> bool:
    """Whether nothing runs, waits, or holds a block."""
    model = '{model_name="smollm2",engine="0"}'
    gauges = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
    return not any(target.metric(gauge + model) for gauge in gauges)


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not met():
        assert time.monotonic() < end, "it never comes to that"
        time.sleep(0.02)


def engine_of(target: Target) -> int:
    """The process that generates, the one with the most memory."""
    return max(children(target.pid), key=resident_mib)


def resident_mib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def test_a_thousand_clients_that_open_a_stream_and_leave_cost_nothing(target: Target) -> None:
    def come_and_go(count: int) -> None:
        for _ in range(count // 100):
            connections = [target.connect() for _ in range(100)]
            for index, connection in enumerate(connections):
                connection.sendall(stream(f"Tell me story {index}"))  # blocks of texts that are kept do not add up
            assert connections[0].recv(1)
            for connection in connections:
                connection.close()
        until(lambda: idle(target))

    come_and_go(500)  # what many need once is there from then on
    before = resident_mib(target.pid), resident_mib(engine_of(target))
    come_and_go(1000)
    assert resident_mib(target.pid) - before[0] < 50
    # the cache's 60 arrays come to the end of a page of 2 MiB together: 120 MiB that stay its own, once at most
    assert resident_mib(engine_of(target)) - before[1] < 100 + 120


def test_a_client_that_hardly_reads_costs_others_no_more_than_one_that_does(target: Target) -> None:
    def tell(number: int) -> float:
        begun = time.monotonic()
        with target.connect() as connection:
            connection.sendall(stream(f"Tell me story {number}", 100))
            data = b""
            while b"[DONE]" not in data:
                data += connection.recv(1 << 16)
        return time.monotonic() - begun

    def eight() -> float:
        with ThreadPoolExecutor(8) as threads:
            return median(threads.map(tell, range(8)))

    eight()
    with target.connect() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.sendall(stream("Tell me everything", logprobs=True, top_logprobs=20))
        assert slow.recv(1)
        beside = eight()
    with target.connect() as quick, ThreadPoolExecutor(1) as reading:
        quick.sendall(stream("Tell me everything", logprobs=True, top_logprobs=20))
        assert quick.recv(1)
        reader = reading.submit(received, quick)
        usual = eight()
        quick.shutdown(socket.SHUT_RDWR)
        reader.result()
    assert beside < 2 * usual
    until(lambda: idle(target))


def test_half_sent_bodies_keep_nobody_from_being_answered(target: Target) -> None:
    connections = [target.connect() for _ in range(200)]
    for connection in connections:
        connection.sendall(stream()[:-10])
    assert target.ask("POST", CHAT, body("hi", 1)).status == 200
    for connection in connections:
        connection.close()


def test_pipelined_requests_are_answered_in_order_and_cancelled_together(target: Target) -> None:
    with target.connect() as connection:
        answers = b""
        connection.sendall((stream(max_tokens=3) + request_bytes(CHAT, body("hi", 1))) * 3)
        while answers.count(b'"usage"') < 3 or not answers.endswith(b"}"):
            answers += connection.recv(1 << 16)
    assert (answers.count(b"HTTP/1.1 200"), answers.count(b"[DONE]")) == (6, 3)
    with target.connect() as connection:
        connection.sendall((stream() + request_bytes(CHAT, body("hi", 4000))) * 3)
        assert connection.recv(1)
    until(lambda: idle(target))
    with target.connect() as connection:
        connection.sendall(request_bytes(CHAT, body("hi", 8000)) * 3)
        until(lambda: not idle(target))
    until(lambda: idle(target))


@pytest.mark.parametrize(
    ("path", "asked", "end"),
    [
        (CHAT, {}, b"data: [DONE]"),
        ("/v1/messages", {}, b"event: message_stop"),
        ("/api/chat", {"options": {"num_predict": 60}}, b'"done":true'),
    ],
)
def test_a_killed_engine_is_replaced_and_its_streams_go_on_to_their_end(
    target: Target, path: str, asked: dict[str, Any], end: bytes
) -> None:
    told = {"model": "smollm2", "messages": [{"role": "user", "content": "Count to a thousand"}], "stream": True}
    told |= asked or {"max_tokens": 60}
    with target.connect() as connection:
        connection.sendall(request_bytes(path, json.dumps(told).encode(), "Connection: close"))
        assert connection.recv(1)
        os.kill(engine_of(target), signal.SIGKILL)
        answer = received(connection)
    assert end in answer
    assert b"error" not in answer
    assert target.ask("POST", CHAT, body("hi", 1)).status == 200
    until(lambda: idle(target))
