"""Gated feed-forward halves are computed by one thread too, which the plug-in cannot fuse them for."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.runtimes.openvino_one_thread import for_one_thread
from headrace.runtimes.openvino_open import Choices, load_language
from tests.graphs.tiny import golden, golden_checkpoint, tokens
from tests.runtimes.paging import graph, step

TEXT = [int(token) for token in tokens(64)]
HIDDEN, INNER = 64, 96
LAYERS = 3


def asked(threads: int, precision: str) -> dict[str, object]:
    return {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}


def survives(check: Callable[[], None]) -> bool:
    """Whether a process of its own lives through it: what the plug-in does wrong ends the process."""
    code = f"from {__name__} import {check.__name__}; {check.__name__}()"
    return subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def compute_a_decoder() -> None:
    model = load_language(Path("/nowhere"), Choices(threads=1, precision="bf16"), golden_checkpoint("gemma2")).model
    model.allocate(4)
    logits = step(model, (TEXT, 0, [1, 2]), rows=range(64))
    assert np.abs(logits - golden("gemma2").logits).max() < 0.3


def compute_a_graph_as_others_write_it() -> None:
    """Its bend written out."""
    x = op.parameter([-1, -1, HIDDEN], ov.Type.f32)
    gate, up = (op.matmul(x, matrix(INNER, HIDDEN), False, True) for _ in range(2))
    bent = op.multiply(gate, op.sigmoid(gate))
    down = op.matmul(op.multiply(bent, up), matrix(HIDDEN, INNER), False, True)
    options = asked(1, "bf16")
    model = for_one_thread(ov.Model([op.result(down)], [x]), options)
    assert ov.Core().compile_model(model, "CPU", options)([np.ones((1, 3, HIDDEN), np.float32)])[0].any()


def matrix(rows: int, width: int) -> ov.Node:
    values = np.linspace(-0.1, 0.1, rows * width, dtype=np.float16).reshape(rows, width)
    return op.convert(op.constant(values), "f32")


def unbroadcast(model: ov.Model) -> int:
    """Products that are told not to broadcast."""
    products = [node for node in model.get_ordered_ops() if node.get_type_name() == "Multiply"]
    return sum(node.get_attributes()["auto_broadcast"] == "none" for node in products)


def test_a_gated_decoder_is_computed_in_bfloat16_by_one_thread() -> None:
    assert survives(compute_a_decoder)


def test_so_is_a_graph_that_another_program_wrote() -> None:
    assert survives(compute_a_graph_as_others_write_it)


def test_one_product_a_layer_is_kept_apart() -> None:
    assert unbroadcast(for_one_thread(graph("gemma2"), asked(1, "bf16"))) == LAYERS


@pytest.mark.parametrize(("threads", "precision"), [(2, "bf16"), (1, "f32")])
def test_what_can_be_computed_stays_as_it_is(threads: int, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.runtimes.openvino_one_thread.has_one_core", lambda: False)
    assert unbroadcast(for_one_thread(graph("gemma2"), asked(threads, precision))) == 0


def test_two_threads_on_one_core_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.runtimes.openvino_one_thread.has_one_core", lambda: True)
    assert unbroadcast(for_one_thread(graph("gemma2"), asked(2, "bf16"))) == LAYERS
