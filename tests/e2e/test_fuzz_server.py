"""Thousands of valid requests with a few bytes changed, over connections that are kept: a real server takes them all.

The test reads each request with a parser of its own, and so knows whether an answer is owed.
"""

import gzip
import json
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httptools
import msgspec
import pytest
from hypothesis import settings

from benchmarks.server import resident_bytes
from tests.e2e.attack import Target, received, request_bytes, row
from tests.e2e.conftest import add_good
from tests.program import ANY_PORTS, serving

pytestmark = [pytest.mark.slow, pytest.mark.fuzz]

CLIENTS = 8
INFER = "/v2/models/%s/infer"
TOKENS = [b"-", b"[", b"{", b'"', b"\0", b"9999999999", b"null", b"\r\n", b"\r\n\r\n", b"\xff", b",", b":", b"1e999"]
ENDED = re.compile(rb"HTTP/1\.1 ([0-9]{3}) .*?\r\n\r\n", re.S)


def _binary(model: str, datatype: str, data: bytes) -> bytes:
    one = {"name": "x", "shape": [1, 2], "datatype": datatype, "parameters": {"binary_data_size": len(data)}}
    outputs = [{"name": "y", "parameters": {"binary_data": True, "classification": 1}}]
    head = json.dumps({"id": "7", "inputs": [one], "outputs": outputs, "parameters": {"timeout": 10**7}}).encode()
    length = f"Inference-Header-Content-Length: {len(head)}"
    body = head + data
    return request_bytes(INFER % model, body, length, f"Content-Length: {len(body)}")


def _post(path: str, value: object) -> bytes:
    return request_bytes(path, json.dumps(value).encode())


ROWS = json.dumps({"inputs": [row(shape=[2, 2], data=[[1, 2.5], [3e3, -4]])]}).encode()
GZIP = gzip.compress(ROWS)
SHARED = {"shared_memory_region": "r", "shared_memory_byte_size": 8, "shared_memory_offset": 0}
VALID = [
    request_bytes(INFER % "rows", ROWS, "Accept-Encoding: gzip, deflate;q=0.5", f"Content-Length: {len(ROWS)}"),
    request_bytes("/v2/models/rows/versions/1/infer", ROWS, "X-Request-Id: a", "traceparent: 00-1-2-3"),
    request_bytes(INFER % "rows", b"%x\r\n%b\r\n0\r\nT: x\r\n\r\n" % (len(ROWS), ROWS), "Transfer-Encoding: chunked"),
    request_bytes(INFER % "rows", GZIP, "Content-Encoding: gzip", f"Content-Length: {len(GZIP)}"),
    request_bytes(INFER % "rows", bytes(8), "Inference-Header-Content-Length: 0", "Content-Length: 8"),
    _post(INFER % "strings", {"inputs": [row(datatype="BYTES", data=["a", "é\n"])]}),
    _post(INFER % "rows", {"inputs": [row(data=None, parameters=SHARED)]}),
    _binary("rows", "FP32", struct.pack("<ff", 1, 2)),
    _binary("half", "FP16", bytes(4)),
    _binary("strings", "BYTES", struct.pack("<I2sI", 2, b"ab", 0)),
    _post("/v2/repository/index", {"ready": True}),
    _post("/v2/trace/setting", {"trace_level": ["OFF"], "trace_rate": "5"}),
    _post("/v2/logging", {"log_verbose_level": 1, "log_info": True}),
    _post("/v2/systemsharedmemory/region/r/register", {"key": "/nothing", "offset": 0, "byte_size": 8}),
    _post("/v2/repository/models/nobody/load", {"parameters": {"config": "{}"}}),
    request_bytes("/v2/models/rows/versions/1/stats", b"", method="GET"),
    request_bytes("/v2/models/rows/config", b"", method="GET"),
]


class Expected(msgspec.Struct, frozen=True):
    """What a request is to a parser: how many messages are whole, if it is malformed, if the next may follow it."""

    whole: int
    malformed: bool
    keeps: bool


class _Reader:
    def __init__(self) -> None:
        self.whole = 0
        self.open = False

    def on_message_begin(self) -> None:
        self.open = True

    def on_message_complete(self) -> None:
        self.open = False
        self.whole += 1


def expected(sent: bytes) -> Expected:
    reader = _Reader()
    parser = httptools.HttpRequestParser(reader)
    try:
        parser.feed_data(sent)
    except httptools.HttpParserUpgrade:
        return Expected(0, False, False)
    except httptools.HttpParserError:
        return Expected(reader.whole, True, False)
    return Expected(reader.whole, False, reader.whole == 1 and not reader.open and bool(parser.should_keep_alive()))


def changed(rng: random.Random) -> bytes:
    """A valid request with up to five changes: in its body, and the length told is then right, or anywhere."""
    request = rng.choice(VALID)
    head, _, body = request.partition(b"\r\n\r\n")
    if body and rng.random() < 0.8:
        body = _mutated(rng, body)
        head = re.sub(rb"\r\nContent-Length: \d+", b"\r\nContent-Length: %d" % len(body), head)
        return head + b"\r\n\r\n" + body
    return _mutated(rng, request)


def _mutated(rng: random.Random, text: bytes) -> bytes:
    changed = bytearray(text)
    for _ in range(rng.randint(0, 5)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[at:at] = rng.choice(TOKENS)
            case 2:
                del changed[at : at + rng.randint(1, 40)]
            case 3:
                changed[at:at] = changed[at : at + rng.randint(1, 40)]
            case _:
                digits = [match.start() for match in re.finditer(rb"[0-9]", changed)]
                for place in rng.sample(digits, min(len(digits), 1)):
                    changed[place] = ord("0") + rng.randrange(10)
    return bytes(changed)


class Client:
    """Sends changed requests one after another; counts statuses and keeps what should not have happened."""

    def __init__(self, target: Target, seed: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.wrong: list[tuple[str, bytes, bytes]] = []
        self._target = target
        self._rng = random.Random(seed)
        self._connection: socket.socket | None = None

    def run(self, cases: int) -> None:
        for _ in range(cases):
            sent = changed(self._rng)
            due = expected(sent)
            answer = self._exchange(sent, due)
            found = [int(status) for status in ENDED.findall(answer)]
            self.statuses.update(found)
            if [status for status in found if status >= 500 and status not in (501, 503)]:
                self.wrong.append(("a fault of the server", sent, answer))
            elif not found and (due.whole or due.malformed):
                self.wrong.append(("no answer", sent, answer))
        self.close()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _exchange(self, sent: bytes, due: Expected) -> bytes:
        connection = self._connection = self._connection or self._target.connect()
        try:
            connection.sendall(sent)
        except OSError:
            pass  # refused before it was all there
        if due.keeps:
            answer = _one_answer(connection)
            if b"connection: close" not in answer and answer:
                return answer
        else:
            answer = received(connection)
        self.close()
        return answer


def _one_answer(connection: socket.socket) -> bytes:
    answer, whole = b"", -1
    while len(answer) != whole and (part := connection.recv(1 << 16)):
        answer += part
        head = answer[: answer.find(b"\r\n\r\n") + 4]
        if length := re.search(rb"\r\ncontent-length: (\d+)\r\n", head):
            whole = len(head) + int(length[1])
    return answer


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    add_good(tmp_path)
    flags = ["--set", "server.keep_alive_s=1", "--set", "protocols.oip.shared_memory=true"]
    with serving(tmp_path, *ANY_PORTS, *flags) as program:
        yield Target(program)


@pytest.mark.timeout(3000)
def test_changed_requests_are_answered_and_are_no_fault_of_the_server(target: Target) -> None:
    cases = max(1000, settings().max_examples) // CLIENTS
    clients = [Client(target, seed) for seed in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(lambda client: client.run(cases // 5), clients))
        before = resident_bytes(target.pid)
        list(threads.map(lambda client: client.run(cases - cases // 5), clients))
    grown = resident_bytes(target.pid) - before
    assert [wrong for client in clients for wrong in client.wrong][:3] == []
    statuses = sum((client.statuses for client in clients), Counter[int]())
    assert statuses[200] > cases
    assert statuses[400] > cases
    assert grown < 8 << 20, f"{grown} bytes"
    assert target.serves()
