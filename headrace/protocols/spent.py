"""What an answer's headers say of the time that it took, and of the run that computed it. Knows no clock."""

from headrace.generation import Generated
from headrace.types import BatchFacts, CacheFacts

QUEUE_MS = "x-queue-ms"
"""How long a request waited for its run."""

_RUN = b"x-compute-ms: %.3f\r\nx-batch-size: %d\r\nx-batch-reason: %b\r\n"


def queue_ms(started_ns: int, arrived_ns: int) -> float:
    """How long a request that arrived then waited for its run, which started then."""
    waited_ns = started_ns - arrived_ns
    return waited_ns / 1e6 if waited_ns > 0 else 0.0


def run_lines(batch: BatchFacts, arrived_ns: int) -> bytes:
    """Of a request that shared a run: header lines, each with its line end."""
    return b"x-queue-ms: %.3f\r\n%b" % (queue_ms(batch.started_ns, arrived_ns), shared_lines(batch))


def shared_lines(batch: BatchFacts) -> bytes:
    """What these lines say alike of all that shared it."""
    computed_ns = batch.input_ns + batch.infer_ns + batch.output_ns
    lines = _RUN % (computed_ns / 1e6, batch.rows, batch.reason.encode())
    return lines + b"x-variant: %b\r\n" % ascii(batch.variant)[1:-1].encode() if batch.variant else lines


def cache_lines(cache: CacheFacts) -> bytes:
    """Of an answer by a model that has a response cache: header lines, beside those of the run where it had one."""
    return b"".join([b"%b: %b\r\n" % (name.encode(), value.encode()) for name, value in cache_metadata(cache)])


def cache_metadata(cache: CacheFacts) -> list[tuple[str, str]]:
    """The same as gRPC's metadata. What was found waited for the run of another at most, and was in none itself."""
    if not cache.hit:
        return [("x-cache", "miss")]
    metadata = [
        ("x-cache", "hit"),
        ("x-queue-ms", f"{cache.waited_ns / 1e6:.3f}"),
        ("x-compute-ms", "0.000"),
        ("x-batch-size", "0"),
        ("x-batch-reason", "cache"),
    ]
    return [*metadata, ("x-variant", ascii(cache.variant)[1:-1])] if cache.variant else metadata


COST = "x-cost-usd"


def cost(device_ns: int, usd_per_ns: float) -> str:
    """What a part of the device's time costs, in US dollars: a small request has millionths of a cent."""
    return f"{device_ns * usd_per_ns:.12f}"


def cost_line(device_ns: int, usd_per_ns: float) -> bytes:
    """The same as a header line."""
    return b"x-cost-usd: %.12f\r\n" % (device_ns * usd_per_ns)


def run_metadata(batch: BatchFacts) -> list[tuple[str, str | bytes]]:
    """The same as gRPC's metadata, but for the time that a request waited: of all that were in the run."""
    metadata: list[tuple[str, str | bytes]] = [
        ("x-compute-ms", f"{(batch.input_ns + batch.infer_ns + batch.output_ns) / 1e6:.3f}"),
        ("x-batch-size", str(batch.rows)),
        ("x-batch-reason", batch.reason),
    ]
    if batch.variant:
        metadata.append(("x-variant", ascii(batch.variant)[1:-1]))
    return metadata


def queue_metadata(batch: BatchFacts, arrived_ns: int) -> tuple[str, str]:
    """How long a request that arrived then waited for its run."""
    return QUEUE_MS, f"{queue_ms(batch.started_ns, arrived_ns):.3f}"


def generation_headers(generated: Generated, elapsed_ns: int, ended: bool) -> dict[str, str]:
    """Of a language model's answer, the first one where there are several, which came so long after its request.

    The queue is what was before its first step; what came after that is known once it has `ended`.
    """
    times = generated.times
    if not times.first_token_ns:
        return {}
    # The engine counts from when it heard of the request: what was before that is queueing too.
    unheard_ns = max(0, elapsed_ns - times.told_ns) if times.told_ns else 0
    waited_ns = times.queued_ns + unheard_ns
    headers = {"x-queue-ms": f"{waited_ns / 1e6:.3f}"}
    if ended:
        headers["x-compute-ms"] = f"{max(0, elapsed_ns - waited_ns) / 1e6:.3f}"
    return headers
