"""Small ONNX models, one trait each, made in milliseconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None] | None  # a name or None for a free dimension; None for no rank at all

DATATYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "BF16": TensorProto.BFLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def save(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    """Write the model and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(model, folder / name)
    return folder / name


def value(name: str, datatype: str, dims: Dims) -> onnx.ValueInfoProto:
    """An input or output of a graph."""
    return helper.make_tensor_value_info(name, DATATYPES[datatype], dims)


def node(operator: str, inputs: str, outputs: str, domain: str = "", **attributes: Any) -> onnx.NodeProto:
    """A node; names of inputs and outputs are separated by spaces."""
    return helper.make_node(operator, inputs.split(), outputs.split(), domain=domain, **attributes)


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Mapping[str, NDArray[Any]] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model of one graph."""
    kept = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    domains = sorted({each.domain for each in nodes if each.domain})
    return helper.make_model(
        helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), kept),
        opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)],
        ir_version=10,
    )


def one_node(
    operator: str,
    datatype: str = "FP32",
    dims: Dims = ("batch", 4),
    out_dims: Dims = ("batch", 4),
    out_datatype: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """INPUT -> operator -> OUTPUT."""
    return graph(
        [node(operator, "INPUT", "OUTPUT", **attributes)],
        [value("INPUT", datatype, dims)],
        [value("OUTPUT", out_datatype or datatype, out_dims)],
    )


def identity(datatype: str = "FP32", dims: Dims = ("batch", 4)) -> onnx.ModelProto:
    """OUTPUT is INPUT."""
    return one_node("Identity", datatype, dims, dims)


def norm_of_sum(width: int = 64) -> onnx.ModelProto:
    """The layer norm of INPUT twice."""
    return graph(
        [node("Add", "INPUT INPUT", "sum"), node("LayerNormalization", "sum scale bias", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", "rows", width))],
        [value("OUTPUT", "FP32", ("batch", "rows", width))],
        {"scale": np.ones(width, np.float32), "bias": np.zeros(width, np.float32)},
    )


def words() -> onnx.ModelProto:
    """The words of each text, filled up to as many as the longest text has."""
    return graph(
        [node("StringSplit", "INPUT", "OUTPUT COUNT", delimiter=" ")],
        [value("INPUT", "BYTES", ("batch",))],
        [value("OUTPUT", "BYTES", ("batch", "words"))],
        opset=20,
    )


def noop() -> onnx.ModelProto:
    """16 KiB in, 512 B out: the first 128 of each row's 4096 floats."""
    bounds = {"start": np.array([0]), "end": np.array([128]), "axis": np.array([1])}
    return graph(
        [node("Slice", "INPUT start end axis", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", 4096))],
        [value("OUTPUT", "FP32", ("batch", 128))],
        bounds,
    )


def scalar() -> onnx.ModelProto:
    """OUTPUT is twice INPUT; both have no dimensions."""
    return graph([node("Add", "INPUT INPUT", "OUTPUT")], [value("INPUT", "FP32", ())], [value("OUTPUT", "FP32", ())])


def optional_input() -> onnx.ModelProto:
    """OUTPUT is INPUT plus BIAS, which is 1 where it is not given."""
    bias = {"BIAS": np.ones(4, np.float32)}
    inputs = [value("INPUT", "FP32", ("batch", 4)), value("BIAS", "FP32", (4,))]
    return graph([node("Add", "INPUT BIAS", "OUTPUT")], inputs, [value("OUTPUT", "FP32", ("batch", 4))], bias)


def two_outputs() -> onnx.ModelProto:
    """POSITIVE is INPUT's square root (NaN for negatives), CLASS its largest element's place."""
    return graph(
        [node("Sqrt", "INPUT", "ROOT"), node("ArgMax", "INPUT", "CLASS", axis=1, keepdims=0)],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("ROOT", "FP32", ("batch", 4)), value("CLASS", "INT64", ("batch",))],
    )


def centred(share: float = 1.0, scale: float = 1.0) -> onnx.ModelProto:
    """OUTPUT is INPUT less a share of the mean over the batch, made smaller: rows depend on their company."""
    return graph(
        [
            node("ReduceMean", "INPUT", "mean", axes=[0], keepdims=1),
            node("Mul", "mean share", "part"),
            node("Sub", "INPUT part", "less"),
            node("Mul", "less scale", "OUTPUT"),
        ],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"share": np.array(share, np.float32), "scale": np.array(scale, np.float32)},
    )


def capped(most: int = 4) -> onnx.ModelProto:
    """OUTPUT is INPUT, but zeros for every row past so many that have their largest number in the same place."""
    return graph(
        [
            node("ArgMax", "INPUT", "expert", axis=1, keepdims=0),
            node("OneHot", "expert four off_on", "chosen"),
            node("CumSum", "chosen rows", "place"),
            node("LessOrEqual", "place most", "within"),
            node("Cast", "within", "kept", to=TensorProto.FLOAT),
            node("Mul", "kept chosen", "gate"),
            node("ReduceSum", "gate features", "open", keepdims=1),
            node("Mul", "INPUT open", "OUTPUT"),
        ],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {
            "four": np.array(4),
            "off_on": np.array([0, 1], np.float32),
            "rows": np.array(0),
            "most": np.array(most, np.float32),
            "features": np.array([1]),
        },
    )


def imputed() -> onnx.ModelProto:
    """OUTPUT is INPUT, its missing numbers the mean of what the batch has in their place."""
    return graph(
        [
            node("IsNaN", "INPUT", "missing"),
            node("Where", "missing nothing INPUT", "given"),
            node("Not", "missing", "whole"),
            node("Cast", "whole", "count", to=TensorProto.FLOAT),
            node("ReduceSum", "given rows", "sum", keepdims=1),
            node("ReduceSum", "count rows", "number", keepdims=1),
            node("Div", "sum number", "mean"),
            node("Where", "missing mean INPUT", "OUTPUT"),
        ],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"nothing": np.array(0, np.float32), "rows": np.array([0])},
    )


def centred_flags(share: float) -> onnx.ModelProto:
    """OUTPUT is MASK less a share of its mean over the batch."""
    return graph(
        [
            node("Cast", "MASK", "float", to=TensorProto.FLOAT),
            node("ReduceMean", "float", "mean", axes=[0], keepdims=1),
            node("Mul", "mean share", "part"),
            node("Sub", "float part", "OUTPUT"),
        ],
        [value("MASK", "INT64", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"share": np.array(share, np.float32)},
    )


def training_batch_norm() -> onnx.ModelProto:
    """Batch normalisation in training mode: by the statistics of the batch."""
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    return graph(
        [node("BatchNormalization", "INPUT scale bias mean var", "OUTPUT rm rv", training_mode=1)],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"scale": ones, "bias": zeros, "mean": zeros, "var": ones},
    )


def candidates(user: str | None, items: str | None) -> onnx.ModelProto:
    """How well each item suits a user, whose row is taken for all of them where it is the only one."""
    return graph(
        [node("Mul", "USER ITEMS", "OUTPUT")],
        [value("USER", "FP32", (user, 4)), value("ITEMS", "FP32", (items, 4))],
        [value("OUTPUT", "FP32", ("scores", 4))],
    )


def found_places() -> onnx.ModelProto:
    """As many rows come out as elements are not zero."""
    return graph(
        [node("NonZero", "INPUT", "places"), node("Transpose", "places", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "INT64", ("found", 2))],
    )


def first_row() -> onnx.ModelProto:
    """One row comes out, however many go in, and the file cannot know: the number is computed from the data."""
    return graph(
        [
            node("Mul", "INPUT zero", "zeros"),
            node("ReduceMax", "zeros", "none", axes=[0, 1], keepdims=0),
            node("Cast", "none", "whole", to=TensorProto.INT64),
            node("Add", "whole one", "end"),
            node("Slice", "INPUT start end", "OUTPUT"),
        ],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("rows", 4))],
        {"zero": np.array(0, np.float32), "one": np.array([1]), "start": np.array([0])},
    )


def noisy() -> onnx.ModelProto:
    """INPUT plus random numbers that are new in every run."""
    return graph(
        [node("RandomNormalLike", "INPUT", "noise"), node("Add", "INPUT noise", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
    )


def dense(width: int = 7) -> onnx.ModelProto:
    """A matrix product that runs for one width only, while the file says that any will do."""
    matrix = np.linspace(-1, 1, width * 4, dtype=np.float32).reshape(width, 4)
    return graph(
        [node("MatMul", "INPUT matrix", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", "width"))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"matrix": matrix},
    )


def weighed() -> onnx.ModelProto:
    """OUTPUT is INPUT's softmax; SMALL is INPUT times one."""
    return graph(
        [node("Softmax", "INPUT", "OUTPUT", axis=-1), node("Mul", "INPUT one", "SMALL")],
        [value("INPUT", "FP32", ["batch", 4])],
        [value("OUTPUT", "FP32", ["batch", 4]), value("SMALL", "FP32", ["batch", 4])],
        {"one": np.ones(1, np.float32)},
    )


def baked_batch() -> onnx.ModelProto:
    """A free first dimension, and an operator inside that was traced with one row."""
    return graph(
        [node("Squeeze", "INPUT first", "row"), node("Add", "INPUT row", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"first": np.array([0])},
    )


def detector() -> onnx.ModelProto:
    """Takes images whose sides are multiples of 32: their halves are joined with what was pooled and stretched."""
    return graph(
        [
            node("Conv", "IMAGE kernel", "small", strides=[32, 32]),
            node("Resize", "small none scales", "large", mode="nearest"),
            node("Add", "IMAGE large", "MAP"),
        ],
        [value("IMAGE", "FP32", ("batch", 3, "height", "width"))],
        [value("MAP", "FP32", ("batch", 3, "height", "width"))],
        {
            "kernel": np.full((3, 3, 32, 32), 1e-3, np.float32),
            "none": np.zeros(0, np.float32),
            "scales": np.array([1, 1, 32, 32], np.float32),
        },
    )


def looked_up(rows: int = 2, *, shifted: bool = False) -> onnx.ModelProto:
    """IDS' whole numbers are places in a table; the few that are there must be asked for. `shifted`: what is added to
    them first is computed, too."""
    table = np.linspace(0, 1, rows * 4, dtype=np.float32).reshape(rows, 4)
    by = [node("Mul", "IDS nought", "by"), node("Add", "IDS by", "places")] if shifted else []
    return graph(
        [*by, node("Gather", f"table {'places' if shifted else 'IDS'}", "OUTPUT")],
        [value("IDS", "INT64", ("batch", "tokens"))],
        [value("OUTPUT", "FP32", ("batch", "tokens", 4))],
        {"table": table, "nought": np.array(0, np.int64)},
    )


def dynamically_quantised(
    features: int = 32, layers: int = 2, places: int = 0, louder_from: int | None = None, *, shifted: bool = False
) -> onnx.ModelProto:
    """Matrix products in int8 whose scales are taken over the whole batch, as quantisers write them; of a row of
    floats, or of what stands at one of so many places of a table, a hundred times as large from one of them on.
    `shifted`: what is added to a place first is computed, too."""
    generator = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, NDArray[Any]] = {}
    state, taken = "INPUT", value("INPUT", "FP32", ("batch", features))
    if places:
        constants["table"] = generator.standard_normal((places, features)).astype(np.float32)
        if louder_from is not None:
            constants["table"][louder_from:] *= 100
        constants["nought"] = np.array(0, np.int64)
        if shifted:
            nodes += [node("Mul", "INPUT nought", "by"), node("Add", "INPUT by", "place")]
        nodes.append(node("Gather", f"table {'place' if shifted else 'INPUT'}", "found"))
        state, taken = "found", value("INPUT", "INT64", ("batch",))
    for layer in range(layers):
        at = f"_{layer}"
        constants[f"weights{at}"] = generator.integers(-127, 128, (features, features)).astype(np.int8)
        constants[f"scale{at}"] = np.array(0.02, np.float32)
        nodes += [
            node("DynamicQuantizeLinear", state, f"quantised{at} by{at} zero{at}"),
            node("MatMulInteger", f"quantised{at} weights{at} zero{at}", f"product{at}"),
            node("Cast", f"product{at}", f"float{at}", to=TensorProto.FLOAT),
            node("Mul", f"by{at} scale{at}", f"both{at}"),
            node("Mul", f"float{at} both{at}", f"state{at}"),
        ]
        state = f"state{at}"
    nodes.append(node("Identity", state, "OUTPUT"))
    return graph(nodes, [taken], [value("OUTPUT", "FP32", ("batch", features))], constants)


def hog() -> onnx.ModelProto:
    """As many zeros as SHAPE says, which may be more than any machine has memory for."""
    return graph(
        [node("ConstantOfShape", "SHAPE", "OUTPUT")],
        [value("SHAPE", "INT64", ("rank",))],
        [value("OUTPUT", "FP32", None)],
    )


def external(location: str) -> onnx.ModelProto:
    """INPUT plus four floats that lie in another file."""
    model = graph(
        [node("Add", "INPUT weights", "OUTPUT")],
        [value("INPUT", "FP32", ("batch", 4))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"weights": np.zeros(4, np.float32)},
    )
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, said in (("location", location), ("length", "16")):
        weights.external_data.add(key=key, value=said)
    return model


def classifier(key: int, labels: dict[str, list[int] | list[str]]) -> onnx.ModelProto:
    """What skl2onnx ends a classifier with: numbers in, a dictionary for each row out."""
    floats = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    pairs = helper.make_sequence_type_proto(helper.make_map_type_proto(key, floats))
    return graph(
        [node("ZipMap", "INPUT", "OUTPUT", domain="ai.onnx.ml", **labels)],
        [value("INPUT", "FP32", ("batch", 3))],
        [helper.make_value_info("OUTPUT", pairs)],
    )
