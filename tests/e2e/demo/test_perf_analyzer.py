"""perf_analyzer, unmodified, measures the demo models to a stable result, server-side timings included."""

import pytest

from benchmarks.perf_analyzer import measure
from tests.program import Program

pytestmark = pytest.mark.slow

MINILM = [f"--shape={name}:64" for name in ("input_ids", "attention_mask", "token_type_ids")] + ["--input-data=zero"]
CLIENTS = 2
WINDOWS = 10  # at most: three in a row are enough


@pytest.mark.parametrize("sent", [[], ["--shared-memory=system"]], ids=["in-messages", "in-shared-memory"])
@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize(("model", "arguments"), [("add_sub", []), ("minilm", MINILM)], ids=["add_sub", "minilm"])
def test_measures(demo: Program, model: str, arguments: list[str], protocol: str, sent: list[str]) -> None:
    address = demo.http if protocol == "http" else demo.grpc
    found = measure(model, protocol, address, CLIENTS, [*arguments, *sent], WINDOWS)
    assert found.per_second > 0
    assert 0 < found.compute_us < found.p99_us
