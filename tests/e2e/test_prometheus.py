"""A real Prometheus reads a real server, and what dashboards ask of it has an answer."""

import json
import math
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.attack import ROW, Target
from tests.e2e.conftest import ROWS, add_fake
from tests.e2e.dashboard_queries import TRITON, TRITON_SINGLE, VLLM
from tests.program import ANY_PORTS, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed (make system)"),
]

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SCRAPES = 8
WAIT_S = 60


class Prometheus:
    """One that runs, and what it is asked."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **query: str) -> Any:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def values(self, query: str) -> list[float]:
        """Of the query's series, now."""
        return [float(series["value"][1]) for series in self.ask("query", query=query)["result"]]

    def once(self, query: str, least: float) -> None:
        """Wait until the query has so much."""
        until_s = time.monotonic() + WAIT_S
        while not any(value >= least for value in self._tried(query)):
            assert time.monotonic() < until_s, f"{query} did not come to {least}"
            time.sleep(0.2)

    def _tried(self, query: str) -> list[float]:
        try:
            return self.values(query)
        except OSError:
            return []  # it is not ready yet


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("repository")
    add_fake(folder, "rows", f"delay_ms = 2\n{ROWS}")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("delay_ms = 2\n")
    with serving(folder, *ANY_PORTS, "--set", "log.level=error") as program:
        yield Target(program)


@pytest.fixture(scope="module")
def prometheus(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has read the server several times while that was asked all the time."""
    folder, stopped = tmp_path_factory.mktemp("prometheus"), threading.Event()
    asking = [
        threading.Thread(target=_ask, args=(target, stopped, call)) for call in (_infer, _infer, _write, _refused)
    ]
    for thread in asking:
        thread.start()
    with _scraping(folder, target.http) as made:
        try:
            made.once(f"count_over_time(up[{WAIT_S}s])", SCRAPES)
            made.once('vllm:request_success_total{model_name="words",finished_reason="length"}', 3)
        finally:
            stopped.set()
            for thread in asking:
                thread.join()
        yield made


@contextmanager
def _scraping(folder: Path, http: str) -> Iterator[Prometheus]:
    """A Prometheus that reads one server each second."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    jobs = f'[{{job_name: headrace, static_configs: [{{targets: ["{http}"]}}]}}]'
    (folder / "prometheus.yml").write_text(f"global: {{scrape_interval: 1s}}\nscrape_configs: {jobs}\n")
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            yield Prometheus(address)
        finally:
            process.terminate()


def _ask(target: Target, stopped: threading.Event, call: Any) -> None:
    while not stopped.is_set():
        with suppress(OSError):  # a machine that has other things to do for a while is no fault of the server's
            call(target)


def _infer(target: Target) -> None:
    body = json.dumps({"inputs": [ROW]})
    target.ask("POST", "/v2/models/rows/infer", body, {"traceparent": TRACE, "x-tenant": "alice"})


def _write(target: Target) -> None:
    target.post("/v1/completions", {"model": "words", "prompt": "Hello", "max_tokens": 20, "ignore_eos": True})


def _refused(target: Target) -> None:
    target.infer("rows", {**ROW, "name": "z"})
    time.sleep(0.05)


def _filled(query: str) -> str:
    return query.replace("$model_name", "words").replace("$__rate_interval", "30s")


def test_it_reads_the_page_without_an_error(prometheus: Prometheus) -> None:
    (read,) = prometheus.ask("targets")["activeTargets"]
    assert (read["health"], read["lastError"]) == ("up", "")
    assert prometheus.values("scrape_samples_scraped") > [200]


@pytest.mark.parametrize("query", [*TRITON, *TRITON_SINGLE, *VLLM])
def test_each_query_of_a_dashboard_has_data(prometheus: Prometheus, query: str) -> None:
    values = prometheus.values(_filled(query))
    assert values, "no series"
    assert any(math.isfinite(value) for value in values)


@pytest.mark.parametrize(
    "query",
    [
        'sum(rate(headrace_requests_total{model="rows",code="ok"}[30s]))',
        'sum(rate(headrace_tenant_requests_total{tenant="alice"}[30s]))',
        'histogram_quantile(0.99, rate(headrace_request_duration_seconds_bucket{model="rows"}[30s]))',
        'sum by (process) (rate(headrace_cpu_seconds_total{process="server"}[30s]))',
        'sum by (model) (rate(headrace_device_seconds_total{phase="serve"}[30s]))',
        "rate(headrace_idle_seconds_total[30s])",
        "rate(headrace_event_loop_lag_seconds_count[30s])",
    ],
)
def test_our_own_queries_have_data_too(prometheus: Prometheus, query: str) -> None:
    assert any(value > 0 for value in prometheus.values(query))


def test_it_keeps_the_trace_of_a_request(prometheus: Prometheus) -> None:
    now_s = time.time()
    found = prometheus.ask(
        "query_exemplars",
        query="headrace_request_duration_seconds_bucket",
        start=str(now_s - 300),
        end=str(now_s + 10),
    )
    traces = {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}
    assert traces == {TRACE[3:35]}


def test_names_are_told_as_they_are_and_of_which_kind(prometheus: Prometheus) -> None:
    kinds = {name: told[0]["type"] for name, told in prometheus.ask("metadata").items()}
    assert kinds["headrace_request_duration_seconds"] == "histogram"
    assert kinds["nv_inference_request_success"] == "unknown"
