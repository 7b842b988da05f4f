"""Every metric: its name, its kind, what it means, and how it is read from a version's tally."""

from collections.abc import Callable

from headrace.observe.exposition import Family
from headrace.observe.histogram import DURATION_BOUNDS_NS, ROW_BOUNDS, SECOND, Histogram
from headrace.observe.tally import VersionTally

# Triton's names, word for word: dashboards and autoscalers ask for them.

FAILURE = Family("nv_inference_request_failure", "counter", "Number of failed inference requests, all batch sizes")
PENDING = Family(
    "nv_inference_pending_request_count",
    "gauge",
    "Instantaneous number of pending requests awaiting execution per-model.",
)
CPU_UTILIZATION = Family("nv_cpu_utilization", "gauge", "CPU utilization rate [0.0 - 1.0]")
CPU_MEMORY_TOTAL = Family("nv_cpu_memory_total_bytes", "gauge", "CPU total memory (RAM), in bytes")
CPU_MEMORY_USED = Family("nv_cpu_memory_used_bytes", "gauge", "CPU used memory (RAM), in bytes")

GPU_UTILIZATION = Family("nv_gpu_utilization", "gauge", "GPU utilization rate [0.0 - 1.0)")
GPU_MEMORY_TOTAL = Family("nv_gpu_memory_total_bytes", "gauge", "GPU total memory, in bytes")
GPU_MEMORY_USED = Family("nv_gpu_memory_used_bytes", "gauge", "GPU used memory, in bytes")
GPU_POWER = Family("nv_gpu_power_usage", "gauge", "GPU power usage in watts")
GPU_POWER_LIMIT = Family("nv_gpu_power_limit", "gauge", "GPU power management limit in watts")
GPU_ENERGY = Family("nv_energy_consumption", "counter", "GPU energy consumption in joules since the server started")

OF_VERSION: tuple[tuple[Family, Callable[[VersionTally], float]], ...] = (
    (
        Family("nv_inference_request_success", "counter", "Number of successful inference requests, all batch sizes"),
        lambda tally: tally.success.count,
    ),
    (
        Family(
            "nv_inference_count",
            "counter",
            "Number of inferences performed (does not include cached requests)",
        ),
        lambda tally: tally.rows,
    ),
    (
        Family(
            "nv_inference_exec_count",
            "counter",
            "Number of model executions performed (does not include cached requests)",
        ),
        lambda tally: tally.runs,
    ),
    (
        Family(
            "nv_inference_request_duration_us",
            "counter",
            "Cumulative inference request duration in microseconds (includes cached requests)",
        ),
        lambda tally: tally.success.ns // 1000,
    ),
    (
        Family(
            "nv_inference_queue_duration_us",
            "counter",
            "Cumulative inference queuing duration in microseconds (includes cached requests)",
        ),
        lambda tally: tally.queue.ns // 1000,
    ),
    (
        Family(
            "nv_inference_compute_input_duration_us",
            "counter",
            "Cumulative compute input duration in microseconds (does not include cached requests)",
        ),
        lambda tally: tally.stages.input.ns // 1000,
    ),
    (
        Family(
            "nv_inference_compute_infer_duration_us",
            "counter",
            "Cumulative compute inference duration in microseconds (does not include cached requests)",
        ),
        lambda tally: tally.stages.infer.ns // 1000,
    ),
    (
        Family(
            "nv_inference_compute_output_duration_us",
            "counter",
            "Cumulative inference compute output duration in microseconds (does not include cached requests)",
        ),
        lambda tally: tally.stages.output.ns // 1000,
    ),
    (
        Family("nv_cache_num_hits_per_model", "counter", "Number of cache hits per model"),
        lambda tally: tally.cache_hit.count,
    ),
    (
        Family("nv_cache_num_misses_per_model", "counter", "Number of cache misses per model"),
        lambda tally: tally.cache_miss.count,
    ),
    (
        Family("nv_cache_hit_duration_per_model", "counter", "Total cache hit duration per model, in microseconds"),
        lambda tally: tally.cache_hit.ns // 1000,
    ),
    (
        Family("nv_cache_miss_duration_per_model", "counter", "Total cache miss duration per model, in microseconds"),
        lambda tally: tally.cache_miss.ns // 1000,
    ),
    (
        Family("headrace_prediction_misses_total", "counter", "Runs that took longer than was predicted at most."),
        lambda tally: tally.missed,
    ),
    (
        Family(
            "headrace_saved_compute_seconds_total",
            "counter",
            "Compute not spent on requests whose caller left, as predicted.",
        ),
        lambda tally: tally.saved_ns / SECOND,
    ),
    (
        Family("nv_model_load_duration_secs", "gauge", "Model load time in seconds"),
        lambda tally: tally.load_seconds,
    ),
    (
        Family("headrace_model_load_seconds", "gauge", "How long the latest load of the version took."),
        lambda tally: tally.load_seconds,
    ),
)
"""Families with one sample for each loaded version."""

_BOUNDS_S = tuple(bound / SECOND for bound in DURATION_BOUNDS_NS)

Histograms = tuple[Family, tuple[float, ...], int, Callable[[VersionTally], Histogram]]
"""A family, its bounds, what divides the sum into their unit, and how a version's is read."""

HISTOGRAMS: tuple[Histograms, ...] = (
    (
        Family(
            "headrace_request_duration_seconds",
            "histogram",
            "From a request's arrival to its answer, of requests that succeeded.",
        ),
        _BOUNDS_S,
        SECOND,
        lambda tally: tally.request_ns,
    ),
    (
        Family(
            "headrace_queue_duration_seconds",
            "histogram",
            "What a request waited before it was run, of requests that succeeded.",
        ),
        _BOUNDS_S,
        SECOND,
        lambda tally: tally.queue_ns,
    ),
    (
        Family(
            "headrace_compute_duration_seconds",
            "histogram",
            "What one run of the model took, laying out its inputs and outputs included.",
        ),
        _BOUNDS_S,
        SECOND,
        lambda tally: tally.compute_ns,
    ),
    (
        Family("headrace_batch_rows", "histogram", "Rows in one run of the model."),
        ROW_BOUNDS,
        1,
        lambda tally: tally.batch_rows,
    ),
)
"""Families with one histogram for each loaded version."""

WITH_EXEMPLARS = "headrace_request_duration_seconds"
"""The one of them whose buckets each name a recent request, in the format that has a place for it."""

REQUESTS = Family(
    "headrace_requests_total",
    "counter",
    'Requests by protocol and result: "ok" or an error code; those for no loaded version have an empty model.',
)
BATCHES = Family("headrace_batches_total", "counter", "Runs by the reason for which the batch was closed.")
VARIANTS = Family(
    "headrace_variant_requests_total",
    "counter",
    "Requests in runs that succeeded, by the variant that computed them, of models that have several.",
)
SHED = Family(
    "headrace_shed_total",
    "counter",
    'Requests refused or dropped to keep others in time; tenants but the busiest are "other".',
)
CANCELLED = Family("headrace_cancelled_total", "counter", "Requests whose caller left, by where they were.")
MIRRORED = Family(
    "headrace_mirrored_total", "counter", "Requests that a version was asked besides the one that answered them."
)
SHARE = Family("headrace_traffic_share", "gauge", "Part of the requests that name no version which a version gets.")
ROLLOUTS = Family("headrace_rollouts_total", "counter", "Rollouts that ended.")
IN_FLIGHT = Family("headrace_requests_in_flight", "gauge", "Requests taken and not yet answered.")
QUEUED = Family("headrace_queue_requests", "gauge", "Requests that wait to be run.")
READY = Family("headrace_model_ready", "gauge", "1 where the version answers requests, 0 where it does not.")
WORKERS = Family("headrace_workers", "gauge", "Worker processes that live.")
RESTARTS = Family(
    "headrace_worker_restarts_total", "counter", "Worker processes that died or hung and had to be replaced."
)
WORKER_MEMORY = Family("headrace_worker_resident_memory_bytes", "gauge", "Resident memory of a worker process.")
WORKER_CPU = Family("headrace_worker_cpu_seconds_total", "counter", "Processor time that a worker process has used.")
MEMORY_BUDGET = Family("headrace_memory_budget_bytes", "gauge", "Most memory that the server and its workers may take.")
MEMORY_RESERVED = Family("headrace_memory_reserved_bytes", "gauge", "Memory that is counted for who holds it.")
MEMORY_MEASURED = Family("headrace_memory_measured_bytes", "gauge", "Memory that who holds it was found to take.")
FOR_SLEEPING = Family(
    "headrace_requests_for_sleeping_total", "counter", "Requests for a model that had to be loaded for them."
)
DROPPED = Family("headrace_records_dropped_total", "counter", "Facts that were not counted: too many came at once.")
TENANT_REQUESTS = Family(
    "headrace_tenant_requests_total",
    "counter",
    'Requests by tenant and result, of all models; tenants but the busiest are "other".',
)
CPU_SECONDS = Family(
    "headrace_cpu_seconds_total", "counter", "Processor time of the server and of each worker, ended ones included."
)
LOOP_LAG = Family("headrace_event_loop_lag_seconds", "histogram", "How late the event loop calls what is due.")
LAG_BOUNDS_S = _BOUNDS_S
TELEMETRY_DROPPED = Family(
    "headrace_telemetry_dropped_total",
    "counter",
    "What was left out of metrics, traces, logs and the rest, by the part that left it out and why.",
)
BUILD = Family("headrace_build_info", "gauge", "1; the labels say what runs.")

PROCESS_MEMORY = Family("process_resident_memory_bytes", "gauge", "Resident memory of the server process.")
PROCESS_VIRTUAL = Family("process_virtual_memory_bytes", "gauge", "Virtual memory of the server process.")
PROCESS_CPU = Family("process_cpu_seconds_total", "counter", "Processor time that the server process has used.")
PROCESS_FDS = Family("process_open_fds", "gauge", "File descriptors that the server process has open.")
PROCESS_MAX_FDS = Family("process_max_fds", "gauge", "File descriptors that the server process may have open.")
PROCESS_START = Family("process_start_time_seconds", "gauge", "When the server process started, in Unix time.")
