"""The page is what Prometheus reads and what the records said."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace.errors import HeadraceError
from headrace.generation import LanguageFacts
from headrace.observe.exposition import labels
from headrace.observe.metrics import REASONS, Metrics, Readings
from headrace.observe.tally import Tally
from headrace.records import BatchRecord, CancelRecord, MirrorRecord, Record, ShedRecord, TrafficEvent
from headrace.types import Backlog, BatchFacts, ModelVersion
from tests.observe.make import answered, failed, generated, hand_on, moved, ran, stepped, worker

M1 = {"model": "m", "version": "1"}


def metrics_of(*records: Record, proc: Path = Path("/proc")) -> Metrics:
    tally = Tally()
    hand_on(records, tally)
    backlogs = [(ModelVersion("m", 1), Backlog(queued=5, running=2))]
    languages = [(ModelVersion("llm", 1), LanguageFacts("llama", ("generate",), 10, 10, 0, "int8", True))]
    return Metrics(tally, Readings(lambda: 7, lambda: backlogs, lambda: 3, lambda: languages), proc)


def text(metrics: Metrics, accept: str = "") -> str:
    """The page, whole."""
    return asyncio.run(metrics.page(accept))[1].decode()


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Every sample of a page by its name and its labels as they are written."""
    families = text_string_to_metric_families(text(metrics))
    found = [sample for family in families for sample in family.samples]
    return {(_name(sample.name), labels(sample.labels)): sample.value for sample in found}


def _name(name: str) -> str:
    """Without what this parser, unlike Prometheus, appends to the names of counters."""
    return name.removesuffix("_total") if name.startswith("nv_") else name


def value(metrics: Metrics, name: str, **labelled: str) -> float:
    return samples(metrics)[name, labels(labelled)]


def test_tritons_counters_are_written_exactly_as_triton_does() -> None:
    page = text(metrics_of(moved(), answered(), answered(), answered()))
    assert (
        "# HELP nv_inference_request_success Number of successful inference requests, all batch sizes\n"
        "# TYPE nv_inference_request_success counter\n"
        'nv_inference_request_success{model="m",version="1"} 3\n'
    ) in page


def test_tritons_durations_are_whole_microseconds() -> None:
    metrics = metrics_of(moved(), answered(took_ns=2_500_000, waited_ns=3_999))
    assert value(metrics, "nv_inference_request_duration_us", **M1) == 2500
    assert value(metrics, "nv_inference_queue_duration_us", **M1) == 3


def test_rows_and_runs_are_counted() -> None:
    metrics = metrics_of(moved(), answered(rows=3), answered(rows=5), ran(rows=8))
    assert value(metrics, "nv_inference_count", **M1) == 8
    assert value(metrics, "nv_inference_exec_count", **M1) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("queue_full", "REJECTED"),
        ("rate_limited", "REJECTED"),
        ("cancelled", "CANCELED"),
        ("worker_lost", "BACKEND"),
        ("invalid_request", "OTHER"),
    ],
)
def test_failures_have_tritons_reasons(code: str, reason: str) -> None:
    metrics = metrics_of(moved(), failed(code))
    found = {
        each: value(metrics, "nv_inference_request_failure", **M1, reason=each)
        for each in ("REJECTED", "CANCELED", "BACKEND", "OTHER")
    }
    assert {each for each, count in found.items() if count} == {reason}


def test_reasons_are_given_to_codes_that_exist() -> None:
    def codes(kind: type[HeadraceError]) -> Iterable[str]:
        yield kind.code
        for each in kind.__subclasses__():
            yield from codes(each)

    assert set(REASONS) <= set(codes(HeadraceError))


def test_requests_are_counted_by_protocol_and_code() -> None:
    metrics = metrics_of(moved(), answered(), answered(protocol="grpc"), failed("queue_full"))
    for protocol, code in (("http", "ok"), ("grpc", "ok"), ("http", "queue_full")):
        assert value(metrics, "headrace_requests_total", **M1, protocol=protocol, code=code) == 1


def test_requests_for_unknown_names_share_one_empty_label() -> None:
    metrics = metrics_of(*(failed("model_not_found", model=name, version=None) for name in "abc"))
    strangers = {"model": "", "version": "", "protocol": "http", "code": "model_not_found"}
    assert value(metrics, "headrace_requests_total", **strangers) == 3
    assert not [key for key in samples(metrics) if 'model="a"' in key[1]]


def test_requests_are_counted_by_tenant_however_many_there_are() -> None:
    made = [msgspec.structs.replace(answered(), tenant=f"t{number}") for number in range(20_000)]
    busy = [msgspec.structs.replace(failed("rate_limited"), tenant="busy")] * 500
    found = samples(metrics_of(moved(), *made, *busy))
    counted = {key: count for (name, key), count in found.items() if name == "headrace_tenant_requests_total"}
    assert sum(counted.values()) == 20_500
    assert len(counted) <= 102
    assert counted[labels({"tenant": "busy", "code": "rate_limited"})] == 500


def test_a_histogram_of_time_is_in_seconds() -> None:
    metrics = metrics_of(moved(), answered(took_ns=1_000_000), answered(took_ns=3_000_000))
    name = "headrace_request_duration_seconds"
    assert value(metrics, f"{name}_count", **M1) == 2
    assert value(metrics, f"{name}_sum", **M1) == 0.004
    assert value(metrics, f"{name}_bucket", **M1, le="0.001") == 1
    assert value(metrics, f"{name}_bucket", **M1, le="0.004") == 2
    assert value(metrics, f"{name}_bucket", **M1, le="+Inf") == 2


def test_requests_of_a_model_with_variants_are_counted_by_who_computed_them() -> None:
    version, quick = ModelVersion("m", 1), BatchFacts(4, 3, "idle", 0, 0, variant="int8")
    metrics = metrics_of(moved(), ran(), BatchRecord(version, quick), BatchRecord(version, quick, "worker_lost"))
    assert value(metrics, "headrace_variant_requests_total", **M1, variant="int8") == 3
    assert len([name for name, _ in samples(metrics) if name == "headrace_variant_requests_total"]) == 1


def test_batches_are_counted_by_size_and_reason() -> None:
    metrics = metrics_of(moved(), ran(rows=8, reason="size"), ran(rows=3))
    assert value(metrics, "headrace_batches_total", **M1, reason="size") == 1
    assert value(metrics, "headrace_batch_rows_sum", **M1) == 11
    assert value(metrics, "headrace_batch_rows_bucket", **M1, le="4.0") == 1
    assert value(metrics, "headrace_compute_duration_seconds_count", **M1) == 2


def test_what_is_shed_withdrawn_and_mispredicted_is_counted() -> None:
    version = ModelVersion("m", 1)
    metrics = metrics_of(
        moved(),
        ShedRecord(version, "alice", "predicted"),
        CancelRecord(version, "queued", 250_000_000),
        BatchRecord(version, BatchFacts(1, 1, "idle", 0, 0, infer_ns=9), predicted_ns=8),
    )
    assert value(metrics, "headrace_shed_total", **M1, tenant="alice", reason="predicted") == 1
    assert value(metrics, "headrace_cancelled_total", **M1, stage="queued") == 1
    assert value(metrics, "headrace_saved_compute_seconds_total", **M1) == 0.25
    assert value(metrics, "headrace_prediction_misses_total", **M1) == 1


def test_what_no_record_tells_is_asked() -> None:
    metrics = metrics_of(moved())
    assert value(metrics, "headrace_requests_in_flight") == 7
    assert value(metrics, "headrace_records_dropped_total") == 3
    assert value(metrics, "headrace_queue_requests", **M1) == 5
    assert value(metrics, "nv_inference_pending_request_count", **M1) == 5


def test_shares_mirrored_requests_and_rollouts_are_told() -> None:
    tally = Tally()
    tally([moved(), MirrorRecord(ModelVersion("m", 1), "differs"), TrafficEvent("m", 2, "rollout", "done", "", 1.0)])
    shares = [(ModelVersion("m", 1), 0.9), (ModelVersion("m", 2), 0.1)]
    metrics = Metrics(tally, Readings(lambda: 0, lambda: (), lambda: 0, shares=lambda: shares))
    assert value(metrics, "headrace_traffic_share", model="m", version="2") == 0.1
    assert value(metrics, "headrace_mirrored_total", **M1, outcome="differs") == 1
    assert value(metrics, "headrace_rollouts_total", model="m", outcome="done") == 1


def test_memory_is_told_by_who_holds_it() -> None:
    model = {"name": "m", "version": "3", "stage": "resident", "reserved_bytes": 9, "measured_bytes": 7}
    told = {
        "budget_bytes": 100,
        "requests_for_sleeping": 4,
        "parts": [{"part": "server", "reserved_bytes": 5, "measured_bytes": 5}],
        "models": [model, {**model, "stage": "leaving", "reserved_bytes": 1}],
    }
    page = text(Metrics(Tally(), Readings(lambda: 0, lambda: (), lambda: 0, memory=lambda: told)))
    assert "\nheadrace_memory_budget_bytes 100\n" in page
    assert '\nheadrace_memory_reserved_bytes{part="server",model="",version=""} 5\n' in page
    assert '\nheadrace_memory_reserved_bytes{part="model",model="m",version="3"} 9\n' in page
    assert '\nheadrace_memory_measured_bytes{part="model",model="m",version="3"} 7\n' in page
    assert "\nheadrace_requests_for_sleeping_total 4\n" in page
    assert page.count('headrace_memory_reserved_bytes{part="model"') == 1


def test_without_a_budget_there_is_none_on_the_page() -> None:
    told: dict[str, Any] = {"budget_bytes": None, "requests_for_sleeping": 0, "parts": [], "models": []}
    page = text(Metrics(Tally(), Readings(lambda: 0, lambda: (), lambda: 0, memory=lambda: told)))
    assert "headrace_memory_budget_bytes" not in page


def test_a_version_is_ready_or_not() -> None:
    metrics = metrics_of(
        moved(), moved("UNAVAILABLE", "bad", 2, "no"), moved("UNAVAILABLE", "none", None, "no version")
    )
    assert value(metrics, "headrace_model_ready", **M1) == 1
    assert value(metrics, "headrace_model_ready", model="bad", version="2") == 0
    assert value(metrics, "headrace_model_ready", model="none", version="") == 0


def test_the_time_of_loading_is_told() -> None:
    metrics = metrics_of(moved(seconds=1.5))
    assert value(metrics, "headrace_model_load_seconds", **M1) == 1.5
    assert value(metrics, "nv_model_load_duration_secs", **M1) == 1.5


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")
def test_a_worker_is_told_with_its_memory() -> None:
    metrics = metrics_of(worker("started", 0, os.getpid()), moved())
    assert value(metrics, "headrace_workers", **M1) == 1
    assert value(metrics, "headrace_worker_restarts_total", **M1) == 0
    assert value(metrics, "headrace_worker_resident_memory_bytes", **M1, instance="0") > 1 << 20
    assert value(metrics, "headrace_worker_cpu_seconds_total", **M1, instance="0") > 0


def test_a_worker_that_is_gone_has_no_memory(tmp_path: Path) -> None:
    metrics = metrics_of(worker("started", 0, 7), moved(), worker("died"), proc=tmp_path)
    assert value(metrics, "headrace_workers", **M1) == 0
    assert value(metrics, "headrace_worker_restarts_total", **M1) == 1
    assert ("headrace_worker_resident_memory_bytes", labels({**M1, "instance": "0"})) not in samples(metrics)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")
def test_the_process_and_the_machine_are_told() -> None:
    found = samples(metrics_of())
    assert found["process_resident_memory_bytes", ""] > 1 << 20
    assert found["process_open_fds", ""] < found["process_max_fds", ""]
    assert found["process_start_time_seconds", ""] > 1e9
    assert 0 <= found["nv_cpu_utilization", ""] <= 1
    assert found["nv_cpu_memory_used_bytes", ""] < found["nv_cpu_memory_total_bytes", ""]


def test_a_page_is_made_where_there_is_no_proc(tmp_path: Path) -> None:
    found = samples(metrics_of(moved(), proc=tmp_path))
    assert not [name for name, _ in found if name.startswith("process_")]
    assert found["headrace_requests_in_flight", ""] == 7


def test_names_that_need_escapes_are_read_back() -> None:
    name = 'a"b\\c%d'
    metrics = metrics_of(moved(model=name), answered(model=name))
    assert value(metrics, "headrace_request_duration_seconds_count", model=name, version="1") == 1


def test_an_unloaded_version_leaves_the_page() -> None:
    metrics = metrics_of(moved(model="x"), answered(model="x"), moved("UNLOADING", "x"), moved("UNAVAILABLE", "x"))
    assert 'model="x"' not in text(metrics)


def test_language_models_that_are_loaded_are_told() -> None:
    metrics = metrics_of(moved(), moved(model="llm"), stepped(model="llm", generated_tokens=3))
    assert value(metrics, "vllm:generation_tokens_total", model_name="llm", engine="0") == 3
    assert value(metrics, "vllm:num_requests_waiting", model_name="llm", engine="0") == 0
    assert 'vllm:generation_tokens_total{model_name="m"' not in text(metrics)


def test_a_language_model_that_was_not_counted_yet_has_no_lines() -> None:
    assert "vllm:" not in text(metrics_of(moved()))


def test_a_family_stands_once_and_in_one_piece() -> None:
    models = (moved(), moved(version=2), moved(model="llm"))
    page = text(metrics_of(*models, answered(), ran(), worker("started", pid=1)))
    heads = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))
    assert page.endswith("\n")
    assert "\n\n" not in page


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian package prometheus)")
def test_promtool_complains_of_nothing_but_names_of_others() -> None:
    records: list[Record] = [moved(), answered(), failed("queue_full"), failed("model_not_found", model="?"), ran()]
    records += [moved(model="llm"), stepped(model="llm"), generated(model="llm")]
    page = text(metrics_of(*records, worker("started", 0, os.getpid()))).encode()
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    complaints = (done.stdout + done.stderr).decode().splitlines()
    assert not [line for line in complaints if not line.startswith(("nv_", "vllm:"))]
    assert done.returncode in (0, 3), "3: it parsed, and complains"
