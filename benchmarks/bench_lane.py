"""What one binary inference costs the HTTP front end in Python: 16 KiB in, 512 B out, no socket and no model.

    python benchmarks/bench_lane.py

Prints the best of several rounds in microseconds a request: for requests that repeat but for their tensors, as
perf_analyzer and most clients send them, and for requests whose id changes each time.
"""

import asyncio
import time
from typing import Any, cast

import msgspec
import uvicorn
from uvicorn.server import ServerState

from headrace.clock import LoopClock
from headrace.protocols.oip.infer_lane import lane
from headrace.servable import Cancel, Reply
from headrace.types import BatchFacts, ModelVersion, Request, Response, Tensor

REQUESTS, ROUNDS = 5_000, 9
ANSWER = Response(
    ModelVersion("noop", 1),
    (Tensor("OUTPUT", "FP32", (1, 128), memoryview(bytes(512))),),
    BatchFacts(rows=1, requests=1, reason="alone", instance=0, started_ns=0),
)


class NoTransport:
    """Takes what is written and forgets it."""

    def __init__(self) -> None:
        self.num_bytes = 0

    def write(self, data: bytes) -> None:
        self.num_bytes += len(data)

    def get_extra_info(self, name: str) -> Any:
        return None

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        return None


class NoGateway:
    """Answers at once."""

    draining = False

    def submit(self, request: Request, reply: Reply) -> Cancel:
        reply(ANSWER)
        return self.submit  # type: ignore[return-value]

    def refuses(self, now_ns: int) -> bool:
        return False


def requests(ids: bool) -> list[bytes]:
    """As perf_analyzer sends them, or with an id each."""
    built = []
    for number in range(REQUESTS):
        head = msgspec.json.encode(
            {
                "id": str(number) if ids else "",
                "inputs": [
                    {"name": "INPUT", "shape": [1, 4096], "datatype": "FP32", "parameters": {"binary_data_size": 16384}}
                ],
                "outputs": [{"name": "OUTPUT", "parameters": {"binary_data": True}}],
            }
        )
        lines = (
            b"POST /v2/models/noop/infer HTTP/1.1",
            b"Host: localhost:8000",
            b"Accept: */*",
            b"Content-Type: application/octet-stream",
            b"Inference-Header-Content-Length: %d" % len(head),
            b"Content-Length: %d" % (len(head) + 16384),
        )
        built.append(b"\r\n".join(lines) + b"\r\n\r\n" + head + bytes(16384))
    return built


async def main() -> None:
    from tests.protocols.oip.stub import Stub  # the front of a server, here without its gateway

    front = Stub().front
    object.__setattr__(front, "gateway", NoGateway())
    object.__setattr__(front, "clock", LoopClock(asyncio.get_running_loop()))
    config = uvicorn.Config(cast(Any, object()), http=lane(front), lifespan="off", ws="none", log_config=None)
    config.load()
    for what, ids in (("repeated", False), ("with an id each", True)):
        connection = lane(front)(config, ServerState(), {})
        connection.connection_made(cast(asyncio.Transport, NoTransport()))
        sent, best = requests(ids), float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for request in sent:
                connection.data_received(request)
            best = min(best, (time.perf_counter() - start) / REQUESTS)
        assert connection.server_state.total_requests == ROUNDS * REQUESTS
        connection.connection_lost(None)
        print(f"{best * 1e6:.1f} us a request, {what}")


if __name__ == "__main__":
    asyncio.run(main())
