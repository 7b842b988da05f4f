"""What reads whole texts, on OpenVINO's CPU device: a checkpoint -> what turns texts into rows of numbers.

It is BERT or its kin, ModernBERT, or a decoder that pools its tokens.
"""

from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.devices.inventory import cpu_features
from headrace.errors import ModelInvalid, Unavailable
from headrace.graphs.embedder import build_embedder
from headrace.graphs.encoder import build_encoder
from headrace.graphs.linear import Precision
from headrace.graphs.modern_encoder import build_modern_encoder
from headrace.graphs.packed_encoder import build_packed_encoder, packs
from headrace.kernels.library import NONE, library
from headrace.runtimes.four_bits import EIGHT_BITS, in_words, widths_of
from headrace.runtimes.language import TextBatch
from headrace.runtimes.openvino_cache import GraphCache, graph_key, know
from headrace.runtimes.openvino_plan import PRECISIONS, ROUNDING, TILED, Asked, Kernels
from headrace.runtimes.reasons import is_out_of_memory, openvino_reason
from headrace.runtimes.text_inputs import packed_inputs, padded_inputs
from headrace.weights.checkpoint import Checkpoint

HELD = {
    "f32": "float32, exact",
    "tiles32": "float32, multiplied on tiles as two bfloat16 halves each",
    "bf16": "bfloat16",
    "int8": EIGHT_BITS,
    "tiles8": EIGHT_BITS,
}

ON_TILES: Mapping[str, Precision] = {"auto": Precision("tiles32", "f32"), "int8": TILED["int8"]}
"""By our own kernels."""

LONGEST_UNASKED = 8192
"""Tokens of a text of which not all see all: who does is told of each pair of tokens, in five bytes. The setting
`max_context` lets in longer ones.
"""


class OpenedEncoder(msgspec.Struct, frozen=True):
    """An encoder that runs, and what is known of it."""

    model: "OpenVinoEncoder"
    labels: int  # of a cross-encoder; 0: it gives vectors
    normalize: bool  # whether the model's own vectors have length 1
    precision: str
    parameters: int


def load_encoder(
    checkpoint: Checkpoint,
    threads: int,
    precision: Asked = "auto",
    max_context: int = 0,
    cache: Path | None = None,
    kernels: Kernels = "auto",
) -> OpenedEncoder:
    """Build and compile it, or take it from the folder `cache`; None: it is built at every start.

    Where the checkpoint does not say how tokens are pooled, their mean is taken. "auto" is float32, multiplied in
    halves where our kernels can: vectors are compared with those that other programs made. These multiply codes of 8
    bits too. Raises ModelInvalid.
    """
    facts = checkpoint.architecture
    if facts.labels > 1:
        raise ModelInvalid(f"a cross-encoder gives one score, this one {facts.labels}", "architecture.labels")
    if not facts.labels and not facts.pooling:
        facts = msgspec.structs.replace(facts, pooling=("mean",))
        checkpoint = msgspec.structs.replace(checkpoint, architecture=facts)
    own = library(cache, cpu_features()) if precision in ON_TILES and kernels == "auto" else NONE
    form = "f32" if precision == "auto" else precision
    held = PRECISIONS[form]
    if own.path is not None:
        know(own.path)
        held = msgspec.structs.replace(ON_TILES[precision], library=own.path)
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if form == "bf16" else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": ROUNDING[form],
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }
    bert = facts.family == "bert"
    by_pairs = not bert and (not facts.sees_all or any(facts.windows))
    unasked = LONGEST_UNASKED if by_pairs else checkpoint.max_input
    longest = min(max_context or unasked, checkpoint.max_input, facts.max_context)
    bounded = build_modern_encoder if facts.family == "modernbert" else build_embedder
    whole = build_packed_encoder if packs(facts, held) else build_encoder
    build = partial(whole, checkpoint, held) if bert else partial(bounded, checkpoint, held, longest)
    try:
        key = graph_key([checkpoint.digest, facts, held, 0 if bert else longest, sorted(options.items())])
        compiled = GraphCache(cache).compiled(key, options, build)
    except RuntimeError as error:
        raise ModelInvalid(openvino_reason(str(error))) from error
    model = OpenVinoEncoder(compiled, facts.vocabulary, longest)
    parameters = sum(prod(weight.shape) for weight in checkpoint.weights.values())
    told = HELD[held.weights] if form != "int4" else in_words("4-bit codes", widths_of(checkpoint.weights), held.group)
    return OpenedEncoder(model, facts.labels, facts.normalize, told, parameters)


class OpenVinoEncoder:
    """Implements TextEncoder over a graph of `graphs/encoder.py`, or of one of the others, which have no types."""

    def __init__(self, compiled: Any, vocabulary: int, max_tokens: int) -> None:
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens
        self.width = int(compiled.outputs[0].partial_shape[-1].get_length())
        self._names = {port.any_name for port in compiled.inputs}
        self.padded = "begins" not in self._names
        self._request = compiled.create_infer_request()

    def encode(self, batch: TextBatch) -> NDArray[np.float32]:
        """Rows [B, width]. Raises Unavailable where memory lacks."""
        inputs = padded_inputs(batch, self.max_tokens) if self.padded else packed_inputs(batch)
        try:
            self._request.infer({name: inputs[name] for name in self._names}, share_inputs=True)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise Unavailable("not enough memory for these texts") from error
            raise
        rows: NDArray[np.float32] = self._request.get_output_tensor(0).data.copy()
        return rows

    def close(self) -> None:
        """Give the memory back."""
        del self._request
