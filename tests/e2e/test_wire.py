"""Connections that misbehave below the protocol: each gets an answer or is closed, and nobody else notices."""

import gzip
import json
import re
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from tests.e2e.attack import METHOD, ROW, Refused, Target, message, received, request_bytes, tensor
from tests.e2e.conftest import add_fake
from tests.program import ANY_PORTS, serving

pytestmark = pytest.mark.slow

PATH = "/v2/models/rows/infer"
GOOD = json.dumps({"inputs": [ROW]}).encode()
LAST = "Connection: close"


@pytest.fixture(autouse=True)
def _still_serves(target: Target) -> Iterator[None]:
    yield
    assert target.serves()


def statuses(written: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", written)]


# ---- requests that two servers might read differently


@pytest.mark.parametrize(
    "lines",
    [
        [f"Content-Length: {len(GOOD)}", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", f"Content-Length: {len(GOOD)}"],
        [f"Content-Length: {len(GOOD)}", "Content-Length: 5"],
        [f"Content-Length: {len(GOOD)}, {len(GOOD)}"],
        [f"Content-Length: +{len(GOOD)}"],
        [f"Content-Length: -{len(GOOD)}"],
        [f"Content-Length: 0x{len(GOOD):x}"],
        ["Content-Length: 99999999999999999999999"],
        ["Content-Length: "],
        ["Content-Length: 1 2"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: \x0bchunked"],
        [f"Content-Length : {len(GOOD)}"],
        ["X: a\0b", f"Content-Length: {len(GOOD)}"],
        ["X\0Y: a", f"Content-Length: {len(GOOD)}"],
        [" X: a", f"Content-Length: {len(GOOD)}"],
        ["no colon", f"Content-Length: {len(GOOD)}"],
        [": no name", f"Content-Length: {len(GOOD)}"],
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed(
    target: Target, lines: list[str]
) -> None:
    smuggled = request_bytes("/v2/models/nobody/infer", GOOD)
    answer = target.send(request_bytes(PATH, GOOD, *lines) + smuggled)
    assert statuses(answer) in ([400], [413], [501]), answer


@pytest.mark.parametrize(
    "body",
    [b"zz\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"ffffffffffffffffff\r\n", b"5;" + b"x" * 100_000],
)
@pytest.mark.parametrize("path", [PATH, "/v2/repository/index"])
def test_chunks_whose_sizes_are_wrong_are_refused(target: Target, path: str, body: bytes) -> None:
    answer = target.send(request_bytes(path, body, "Transfer-Encoding: chunked"))
    assert set(statuses(answer)) <= {400, 413, 431}, answer


def test_a_body_in_single_byte_chunks_is_read(target: Target) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in GOOD) + b"0\r\nTrailer: x\r\n\r\n"
    assert statuses(target.send(request_bytes(PATH, chunks, "Transfer-Encoding: chunked", LAST))) == [200]


@pytest.mark.parametrize(
    "url", ["http://x" + PATH, "HTTP://other:99" + PATH, PATH + "?a=b&c", "/v2/models/%72ows/infer"]
)
def test_other_ways_to_write_the_url_are_understood(target: Target, url: str) -> None:
    assert statuses(target.send(request_bytes(url, GOOD, LAST))) == [200]


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
        b"\0" * 1000,
        b"\r\n" * 200_000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1 extra\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST " + b"/" * 200_000,
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_closed(target: Target, sent: bytes) -> None:
    answer = target.send(sent)
    assert set(statuses(answer)) <= {400, 404, 405, 431}, answer
    assert len(statuses(answer)) <= 1


def test_http_1_0_and_expect_are_answered(target: Target) -> None:
    old = request_bytes(PATH, GOOD).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert statuses(target.send(old)) == [200]
    with target.connect() as connection:
        head = request_bytes(PATH, b"", f"Content-Length: {len(GOOD)}", "Expect: 100-continue", LAST)
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(GOOD)
        assert statuses(received(connection)) == [200]


def test_pipelined_requests_of_every_kind_are_answered_in_their_order(target: Target) -> None:
    kinds = [
        (request_bytes(PATH, GOOD), 200),
        (request_bytes("/v2/health/live", b"", method="GET"), 200),
        (request_bytes("/v2/models/nobody/infer", GOOD), 404),
        (request_bytes(PATH, b"nonsense"), 400),
        (request_bytes("/nowhere", b"", method="GET"), 404),
        (request_bytes(PATH, b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD), "Transfer-Encoding: chunked"), 200),
        (request_bytes(PATH, b"", method="GET"), 405),
    ]
    order = [kinds[number * 5 % 7] for number in range(350)]
    sent = b"".join(request for request, _ in order) + request_bytes("/v2", b"", LAST, method="GET")
    with target.connect() as connection:
        sending = threading.Thread(target=connection.sendall, args=(sent,))
        sending.start()
        answers = received(connection)
        sending.join()
    assert statuses(answers) == [status for _, status in order] + [200]


# ---- encodings


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(GOOD)),
        ("gzip", gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:])),
        ("GZIP", gzip.compress(GOOD)),
        ("deflate", zlib.compress(GOOD)),
        ("deflate", zlib.compress(GOOD)[2:-4]),
        ("identity", GOOD),
    ],
)
def test_a_compressed_body_is_read(target: Target, encoding: str, body: bytes) -> None:
    assert target.ask("POST", PATH, body, {"Content-Encoding": encoding}).status == 200


@pytest.mark.parametrize("accept", ["gzip;q=nonsense", "*;q=0", ";;;", ",,,", "gzip;q=-1", "br", "\xff", "a" * 8000])
def test_a_strange_accept_encoding_is_no_ones_fault(target: Target, accept: str) -> None:
    answer = target.ask("POST", PATH, GOOD, {"Accept-Encoding": accept})
    assert (answer.status, "content-encoding" in answer.headers) == (200, False)


# ---- connections that do little, or leave


def test_hundreds_of_connections_that_say_little_keep_nobody_else_waiting(target: Target) -> None:
    parts = [b"", b"P", b"POST / HTTP/1.1\r\nX: ", request_bytes(PATH, b"{", "Content-Length: 1000")]
    with ExitStack() as stack:
        for number in range(400):
            connection = stack.enter_context(target.connect())
            connection.sendall(parts[number % len(parts)])
        assert target.serves()


def test_a_client_that_leaves_takes_its_requests_along(target: Target) -> None:
    """Closed or half-closed: nothing tells them apart, and requests nobody waits for should not run."""
    for number in range(600):
        with target.connect() as connection:
            connection.sendall(request_bytes(PATH, GOOD) * (number % 4 + 1))
            if number % 3:
                connection.shutdown(socket.SHUT_WR)
    while target.metric("headrace_requests_in_flight"):
        pass


def test_a_slow_client_is_cut_off(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    heads = [b"", b"POST / HT", request_bytes(PATH, b"", "Content-Length: 1000"), request_bytes(PATH, GOOD)]
    heads += [request_bytes("/v2/logging", b"", "Content-Length: 1000")]
    with serving(tmp_path, *ANY_PORTS, "--set", "server.keep_alive_s=1") as program:
        target = Target(program)
        for head in heads:
            with target.connect() as connection:
                connection.sendall(head)
                received(connection)  # returns once the server closes; a connection kept for ever times out


# ---- gRPC

X = tensor("x", "FP32", (1, 2), fp32_contents=[1, 2])


def test_a_get_on_the_grpc_port_is_refused(target: Target) -> None:
    host, port = target.grpc.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received(connection)


@pytest.mark.parametrize("path", ["/inference.GRPCInferenceService/Nothing", "/x/y", "/", "nothing"])
def test_a_method_that_is_none_is_unimplemented(target: Target, path: str) -> None:
    with grpc.insecure_channel(target.grpc) as channel:
        ask = channel.unary_unary(path, lambda sent: sent, lambda got: got)
        with pytest.raises(grpc.RpcError) as refused:
            ask(b"", timeout=30)
    assert refused.value.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL)


@pytest.mark.parametrize("timeout_s", [0, 1e-6, 1e-3])
def test_a_deadline_that_passes_is_told_so(target: Target, timeout_s: float) -> None:
    answer = target.call("ModelInfer", message("rows", X), pb.ModelInferResponse, timeout_s)
    late = grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED  # the latter where that is foreseen
    assert not isinstance(answer, Refused) or answer.code in late


def test_a_storm_of_cancelled_calls_leaves_nothing_behind(target: Target) -> None:
    with grpc.insecure_channel(target.grpc) as channel:
        ask = channel.unary_unary(
            METHOD + "ModelInfer", pb.ModelInferRequest.SerializeToString, pb.ModelInferResponse.FromString
        )
        for _ in range(20):
            for call in [ask.future(message("rows", X)) for _ in range(50)]:
                call.cancel()  # type: ignore[no-untyped-call]
    while target.metric("headrace_requests_in_flight"):
        pass


def test_streams_that_nobody_reads_hold_a_bounded_number_of_requests(target: Target) -> None:
    ended = threading.Event()
    large = message("rows", tensor("x", "FP32", (64, 2), fp32_contents=[1] * 128))

    def endless() -> Iterator[pb.ModelInferRequest]:
        while not ended.is_set():
            yield large

    before = target.metric('nv_inference_request_success{model="rows",version="1"}')
    with grpc.insecure_channel(target.grpc) as channel:
        open_stream = channel.stream_stream(
            METHOD + "ModelStreamInfer", pb.ModelInferRequest.SerializeToString, pb.ModelStreamInferResponse.FromString
        )
        streams = [open_stream(endless()) for _ in range(5)]
        for stream in streams:
            next(iter(stream))
        assert target.serves()
        ended.set()
        for stream in streams:
            stream.cancel()  # type: ignore[no-untyped-call]
    assert target.metric('nv_inference_request_success{model="rows",version="1"}') > before
    while target.metric("headrace_requests_in_flight"):
        pass


def test_five_hundred_streams_at_once_are_all_answered(target: Target) -> None:
    with grpc.insecure_channel(target.grpc) as channel:
        open_stream = channel.stream_stream(
            METHOD + "ModelStreamInfer", pb.ModelInferRequest.SerializeToString, pb.ModelStreamInferResponse.FromString
        )
        streams = [open_stream(iter([message("rows", X)])) for _ in range(500)]
        answers = [next(iter(stream)) for stream in streams]
        for stream in streams:
            stream.cancel()  # type: ignore[no-untyped-call]
    assert {answer.error_message for answer in answers} == {""}


def test_a_message_over_the_limit_is_refused(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    with serving(tmp_path, *ANY_PORTS, "--set", "grpc.max_message_bytes=10000") as program:
        target = Target(program)
        raw = (bytes(20_000),)
        answer = target.infer_grpc(message("rows", tensor("x", "FP32", (2500, 2)), raw=raw))
        assert isinstance(answer, Refused)
        assert answer.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert target.serves()
