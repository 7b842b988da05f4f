"""Weights of unsigned 8-bit integers, written as signed ones: the same products, by kernels several times as fast.

Processors with VNNI or AMX multiply unsigned bytes by signed ones, and so do ONNX Runtime's kernels for them; weights
that are unsigned it multiplies as 16-bit integers instead (`MlasGemmU8U8Dispatch`, onnxruntime/core/mlas). Its own
quantiser and Hugging Face's make such files where AVX2 was in mind, for which they are right: signed ones overflow
there. A weight and its zero point less 128 each give the same difference, so that every answer is the same bit for bit.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.generated.onnx_graph_pb2 import Graph, Model, Node, Tensor
from headrace.runtimes.onnx_content import is_quantised

FASTER = ("avx512_vnni", "avx_vnni")
"""Flags of the processors for which it pays."""

MOST_BYTES = 1 << 30  # of a file: it is held three times meanwhile
UINT8, INT8 = 2, 3  # TensorProto.DataType
EXTERNAL = 1  # TensorProto.DataLocation
HALF = np.uint8(128)
READ_BY = (b"MatMul", b"Gemm", b"Conv")  # the second input of these is a weight

Weights = dict[bytes, Tensor]


class _Places(NamedTuple):
    """Which of an operator's inputs is the weight, which its scale (0: none of its own), which its zero point."""

    weight: int
    scale: int
    zero: int


_PLACES = {
    b"MatMulInteger": _Places(1, 0, 3),
    b"ConvInteger": _Places(1, 0, 3),
    b"QLinearMatMul": _Places(3, 4, 5),
    b"QLinearConv": _Places(3, 4, 5),
    b"DynamicQuantizeMatMul": _Places(1, 2, 3),
    b"MatMulIntegerToFloat": _Places(1, 3, 5),
    b"QGemm": _Places(3, 4, 5),
    b"DequantizeLinear": _Places(0, 1, 2),
}


def signed(path: Path, features: Iterable[str]) -> bytes | None:
    """The file's content with such weights as signed ones; None where there are none, or nothing is won by it.

    `features` are the processor's, as in /proc/cpuinfo. A file that keeps weights in other files stays as it is.
    """
    if set(features).isdisjoint(FASTER) or not is_quantised(path) or path.stat().st_size > MOST_BYTES:
        return None
    model = Model.FromString(path.read_bytes())
    return model.SerializeToString() if _sign(model.graph) else None


def _sign(graph: Graph) -> bool:
    """Whether any was."""
    weights: Weights = {each.name: each for each in graph.initializer}
    if any(each.data_location == EXTERNAL for each in weights.values()):
        return False
    for given in graph.input:  # what a request may bring in its place stays as it is
        weights.pop(given.name, None)
    reading, everywhere = _reading(graph), Counter(_names_taken(graph))
    done = False
    for name, nodes in reading.items():
        weight = weights.get(name)
        if weight is None or weight.data_type != UINT8 or everywhere[name] != len(nodes):
            continue
        zeros = [_signed_zero(graph, weights, node) for node in nodes]
        if None in zeros:
            continue
        for node, zero in zip(nodes, zeros, strict=True):
            place = _PLACES[node.op_type].zero
            node.input.extend([b""] * (place + 1 - len(node.input)))
            node.input[place] = zero or b""
        _write_signed(weight, weight)
        done = True
    return done


def _reading(graph: Graph) -> dict[bytes, list[Node]]:
    """Name of a weight -> the nodes that multiply by it."""
    consumers: defaultdict[bytes, list[tuple[bytes, int]]] = defaultdict(list)
    for node in graph.node:
        for place, name in enumerate(node.input):
            consumers[name].append((node.op_type, place))
    found: defaultdict[bytes, list[Node]] = defaultdict(list)
    for node in graph.node:
        if (places := _PLACES.get(node.op_type)) is None or len(node.input) <= places.weight:
            continue
        read = consumers[node.output[0]]
        if places.weight or (read and all(by in READ_BY and place == 1 for by, place in read)):
            found[node.input[places.weight]].append(node)
    return found


def _names_taken(graph: Graph) -> Iterator[bytes]:
    """By nodes, those of graphs within them too, and by its outputs."""
    yield from (output.name for output in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _names_taken(inner)


def _signed_zero(graph: Graph, weights: Weights, node: Node) -> bytes | None:
    """The name of a node's zero point as it is beside signed weights, made where it lacks; None where it cannot be."""
    places = _PLACES[node.op_type]
    name = node.input[places.zero] if len(node.input) > places.zero else b""
    source = weights.get(name)
    if source is None:
        if name or (places.scale and node.input[places.scale] not in weights):
            return None  # it is computed, and so could be anything
        dims = weights[node.input[places.scale]].dims if places.scale else ()
        source = Tensor(dims=dims, data_type=UINT8, raw_data=bytes(int(np.prod(dims, dtype=np.int64))))
        name = node.input[places.weight]
    if source.data_type != UINT8:
        return None
    made = name + b"/signed zero"
    if made not in weights:
        weights[made] = graph.initializer.add(name=made)
        _write_signed(source, weights[made])
    return made


def _write_signed(source: Tensor, tensor: Tensor) -> None:
    """Make of `tensor`, which may be the source itself, its numbers less 128."""
    numbers: NDArray[np.uint8] = np.array(source.int32_data, np.uint8)
    if source.HasField("raw_data"):
        numbers = np.frombuffer(source.raw_data, np.uint8)
    tensor.dims[:] = source.dims
    tensor.data_type = INT8
    tensor.ClearField("int32_data")
    tensor.raw_data = (numbers ^ HALF).tobytes()
