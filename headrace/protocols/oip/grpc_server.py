"""A gRPC server on the library's core: one thread waits for completions, the event loop answers calls.

The core (HTTP/2, flow control, compression, limits) is grpcio's; what stands on it here is less than its asyncio
server, and twice as fast. It is reached through `grpc._cython.cygrpc`, as the library's own servers reach it.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from headrace.protocols.grpc.method import Method, Unary
from headrace.protocols.grpc.status import UNIMPLEMENTED
from headrace.protocols.oip.grpc_rpc import Rpc
from headrace.protocols.tls import Tls

log = logging.getLogger(__name__)

_ASKED = 64  # calls that may be opened before the thread has looked


class Server:
    """Serves the methods of a table, by their full names (`/package.Service/Method`).

    Made and used on one event loop, on which methods are called. Owns its thread from `start` to `stop`.
    """

    def __init__(self, methods: Mapping[str, Method], options: Sequence[tuple[str, int]] = ()) -> None:
        self._methods = {name.encode(): method for name, method in methods.items()}
        self._loop = asyncio.get_running_loop()
        self._core = cygrpc.Server(tuple(options), False)
        self._completions = cygrpc.CompletionQueue()
        self._core.register_completion_queue(self._completions)
        self._thread = threading.Thread(target=self._poll, name="grpc", daemon=True)
        self._told: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._woken = False  # the loop is about to look at what it was told
        self._down = asyncio.Event()

    async def listen(self, host: str, port: int, tls: Tls | None = None) -> int:
        """Listen there; returns the port. Raises OSError where the address cannot be had, or the certificate read."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        secret = _credentials(tls) if tls else ()
        try:
            given: int = self._core.add_http2_port(address.encode(), *secret)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        if not given:
            raise OSError(f"cannot listen on {address}")
        self._start()
        return given

    def _start(self) -> None:
        self._core.start()
        for _ in range(_ASKED):
            self._core.request_call(self._completions, self._completions, self._on_call)
        self._thread.start()

    def drain(self) -> None:
        """The library says goodbye to clients when it stops, and not before."""

    async def stop(self, grace: float | None) -> None:
        """Take no new calls; those under way have so many seconds, then they are cancelled."""
        self._core.shutdown(self._completions, self._on_down)
        if grace:
            try:
                await asyncio.wait_for(self._down.wait(), grace)
            except TimeoutError:
                log.debug("calls were still open")
        self._core.cancel_all_calls()
        await self._down.wait()
        self._core.destroy()
        self._completions.shutdown()
        await self._loop.run_in_executor(None, self._thread.join)
        self._look()  # what was told last

    # ---- on the thread

    def _poll(self) -> None:
        while True:
            event = self._completions.poll()
            if event.completion_type == cygrpc.CompletionType.queue_shutdown:
                return
            try:
                event.tag(event)
            except Exception:
                log.exception("a completion was not understood")
            del event  # before waiting: it holds a call, which could be the last thing that keeps it open

    def _on_call(self, event: Any) -> None:
        opened = event.call_details
        if not event.success or opened is None or opened.method is None:
            return  # the server stops
        self._core.request_call(self._completions, self._completions, self._on_call)
        method = self._methods.get(opened.method) or _missing(opened.method.decode("latin-1"))
        Rpc(event.call, method, opened.deadline, event.invocation_metadata or (), self._tell).on_open()

    def _on_down(self, event: Any) -> None:
        self._tell(self._down.set)

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have the loop call this; many that come together wake it once."""
        self._told.append((function, arguments))
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._look)
            except RuntimeError:
                log.debug("the event loop is closed")

    # ---- on the loop

    def _look(self) -> None:
        self._woken = False  # before looking: what comes from now on wakes the loop again
        told = self._told
        while told:
            function, arguments = told.popleft()
            try:
                function(*arguments)
            except Exception:
                log.exception("a call failed")


def _credentials(tls: Tls) -> tuple[Any]:
    pairs = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
    signers = tls.client_ca.read_bytes() if tls.client_ca else None
    credentials: Any = grpc.ssl_server_credentials(pairs, signers, require_client_auth=signers is not None)
    return (credentials._credentials,)


def _missing(name: str) -> Unary:
    return Unary(lambda sent, call: call.end(UNIMPLEMENTED, f"there is no method {name}"))
