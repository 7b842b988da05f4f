"""A collector of our own: takes OTLP over HTTP and over gRPC, by OpenTelemetry's messages alone."""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb

SERVICES = {
    "/v1/traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "/v1/metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
"""Paths of HTTP, and what each is over gRPC."""


class Receiver:
    """What was received; spans and metrics as they travelled, metrics by their names, message by message."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: dict[str, list[Any]] = {}
        self.messages = 0  # of metrics
        self.resource: dict[str, str] = {}
        self.headers: list[dict[str, str]] = []
        self._some = threading.Condition()

    def take(self, path: str, message: bytes, headers: dict[str, str]) -> bytes:
        return self._take_traces(message, headers) if path == "/v1/traces" else self._take_metrics(message, headers)

    def _take_metrics(self, message: bytes, headers: dict[str, str]) -> bytes:
        request = metrics_pb.ExportMetricsServiceRequest.FromString(message)
        with self._some:
            self.headers.append(headers)
            self.messages += 1
            for each in request.resource_metrics:
                self.resource |= {one.key: one.value.string_value for one in each.resource.attributes}
                for metric in (metric for scope in each.scope_metrics for metric in scope.metrics):
                    self.metrics.setdefault(metric.name, []).append(metric)
            self._some.notify_all()
        return metrics_pb.ExportMetricsServiceResponse().SerializeToString()

    def wait_for_metric(self, name: str, number: int = 1, timeout_s: float = 20) -> list[Any]:
        """Those of that name, once there are so many."""
        with self._some:
            assert self._some.wait_for(lambda: len(self.metrics.get(name, ())) >= number, timeout_s), name
            return list(self.metrics[name])

    def _take_traces(self, message: bytes, headers: dict[str, str]) -> bytes:
        request = pb.ExportTraceServiceRequest.FromString(message)
        with self._some:
            self.headers.append(headers)
            for each in request.resource_spans:
                self.resource |= {one.key: one.value.string_value for one in each.resource.attributes}
                self.spans += [span for scope in each.scope_spans for span in scope.spans]
            self._some.notify_all()
        return pb.ExportTraceServiceResponse().SerializeToString()

    def wait(self, number: int, timeout_s: float = 20) -> list[Any]:
        """Its spans, once there are so many."""
        with self._some:
            assert self._some.wait_for(lambda: len(self.spans) >= number, timeout_s), len(self.spans)
            return list(self.spans)


@contextmanager
def over_http(status: int = 200) -> Iterator[tuple[Receiver, str]]:
    """The receiver, and its address."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path in SERVICES
            answer = receiver.take(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def over_grpc() -> Iterator[tuple[Receiver, str]]:
    """The receiver, and its address."""
    receiver = Receiver()

    def exported(path: str, message: bytes, context: grpc.ServicerContext) -> bytes:
        return receiver.take(path, message, {str(key): str(value) for key, value in context.invocation_metadata()})

    handlers = [
        grpc.method_handlers_generic_handler(
            service, {"Export": grpc.unary_unary_rpc_method_handler(partial(exported, path))}
        )
        for path, service in SERVICES.items()
    ]
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield receiver, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def by_name(spans: list[Any], name: str) -> list[Any]:
    return [span for span in spans if span.name == name]


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
