"""A file that OpenVINO reads -> an encoder that reads texts one behind another, by our own kernels."""

from pathlib import Path
from typing import Any

import msgspec

from headrace.graphs.linear import Precision
from headrace.graphs.packed_encoder import build_packed_encoder, packs
from headrace.graphs.read_encoder import read_encoder
from headrace.runtimes.openvino import compile_options, core
from headrace.runtimes.openvino_one_thread import for_one_thread
from headrace.weights.checkpoint import Checkpoint


class OpenedPacked(msgspec.Struct, frozen=True):
    """A graph that runs, and what it is of."""

    compiled: Any
    checkpoint: Checkpoint
    quantised: bool  # whether the file's matrices are of whole numbers
    told: str  # how it is computed, in a few words


def open_packed(path: Path, library: Path, threads: int) -> OpenedPacked | None:
    """The encoder that the file is, recognised whole; None where it is anything else.

    Matrices of 8 bits stay so, and numbers are rounded to 8 bits, each token's by themselves; matrices of floats are
    multiplied as two bfloat16 halves each. Raises RuntimeError or ModelInvalid where OpenVINO cannot read or compile
    it.
    """
    found = read_encoder(core().read_model(path))
    if found is None:
        return None
    held = Precision("tiles8x8", "tiles8") if found.quantised else Precision("tiles32")
    held = msgspec.structs.replace(held, library=library)
    if not packs(found.checkpoint.architecture, held):
        return None
    core().add_extension(str(library))
    options = compile_options(threads, "f32")
    graph = build_packed_encoder(found.checkpoint, held)
    compiled = core().compile_model(for_one_thread(graph, options), "CPU", options)
    told = "8-bit codes by our kernels" if found.quantised else "float32 as halves by our kernels"
    return OpenedPacked(compiled, found.checkpoint, found.quantised, told)
