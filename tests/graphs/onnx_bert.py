"""Small BERTs as ONNX graphs, in the ways in which exporters write them, and some that are none."""

from typing import Any, Literal

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HIDDEN, HEADS, DIM, INNER, LAYERS, VOCABULARY, CONTEXT = 32, 4, 8, 64, 2, 50, 16
EPS = 1e-5


class Form(msgspec.Struct, frozen=True):
    """How a graph is written."""

    joined: bool = False  # queries, keys and values are one product
    scale: Literal["query", "scores", "roots", "shape", "none", "twice"] = "query"
    mask: Literal["subtract", "least", "fill", "expand", "attend", "none", "inverted", "causal", "ids"] = "subtract"
    norm: Literal["operator", "decomposed", "none"] = "operator"
    bend: Literal["erf", "tanh", "operator", "relu"] = "erf"
    types: Literal["ids", "absent", "zeros"] = "ids"
    places: Literal["slice", "gather", "ids", "late"] = "gather"
    bias: Literal["right", "left", "none"] = "right"
    matrices: Literal["float", "half", "decoded", "dynamic", "static"] = "float"
    fault: Literal[
        "",
        "output",
        "residual",
        "norm",
        "eps",
        "constant",
        "fixed",
        "keys",
        "scores",
        "doubled",
        "narrow",
        "clipped",
        "unlike",
    ] = ""
    ids: int = TensorProto.INT64


class _Writer:
    """Nodes and constants of a graph in the making."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(3)

    def add(self, operation: str, *inputs: str, outputs: int = 1, **told: Any) -> Any:
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operation, list(inputs), names, **told))
        return names[0] if outputs == 1 else names

    def hold(self, values: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values), f"c{len(self.constants)}"))
        return str(self.constants[-1].name)

    def f32(self, values: Any) -> str:
        return self.hold(np.asarray(values, np.float32))

    def i64(self, values: Any) -> str:
        return self.hold(np.asarray(values, np.int64))

    def drawn(self, *shape: int, spread: float = 1.0, middle: float = 0.0) -> NDArray[np.float32]:
        return (middle + spread * self._random.standard_normal(shape)).astype(np.float32)

    def plus(self, x: str, bias: NDArray[np.float32]) -> str:
        if self.form.bias == "none":
            return x
        both = (x, self.f32(bias))
        return str(self.add("Add", *(both if self.form.bias == "right" else both[::-1])))

    def product(self, x: str, width: int, inputs: int) -> str:
        matrix, bias = self.drawn(inputs, width, spread=1.5 / np.sqrt(inputs)), self.drawn(width, spread=0.3)
        if self.form.matrices == "half":
            return self.plus(self.add("MatMul", x, self.add("Cast", self.hold(matrix.astype(np.float16)), to=1)), bias)
        if self.form.matrices == "float":
            return self.plus(self.add("MatMul", x, self.f32(matrix)), bias)
        scales = np.abs(matrix).max(axis=0) / 100
        codes = np.rint(matrix / scales).astype(np.int8)
        if self.form.matrices == "decoded":
            return self.plus(self.add("MatMul", x, self.f32(codes * scales)), bias)
        if self.form.matrices == "static":
            held = self.add("DequantizeLinear", self.hold(codes), self.f32(scales), self.hold(codes[0] * 0), axis=1)
            return self.plus(self.add("MatMul", self.rounded(x), held), bias)
        made, scale, zero = self.add("DynamicQuantizeLinear", x, outputs=3)
        if self.form.fault == "unlike":
            _, scale, _ = self.add("DynamicQuantizeLinear", self.add("Mul", x, self.f32(2)), outputs=3)
        zeros = self.hold(np.full(width, 128, np.uint8))
        found = self.add("MatMulInteger", made, self.hold((codes.astype(np.int16) + 128).astype(np.uint8)), zero, zeros)
        scaled = self.add("Mul", scale, self.f32(scales))
        return self.plus(self.add("Mul", self.add("Cast", found, to=1), scaled), bias)

    def rounded(self, x: str) -> str:
        """To codes of 8 bits and back."""
        step, zero = self.f32(0.06), self.hold(np.array(0 if self.form.fault == "narrow" else 120, np.uint8))
        return str(self.add("DequantizeLinear", self.add("QuantizeLinear", x, step, zero), step, zero))

    def norm(self, x: str, eps: float = EPS) -> str:
        weight, bias = self.drawn(HIDDEN, spread=0.3, middle=1), self.drawn(HIDDEN, spread=0.3)
        if self.form.norm == "none":
            return x
        if self.form.norm == "operator":
            return str(self.add("LayerNormalization", x, self.f32(weight), self.f32(bias), axis=-1, epsilon=eps))
        around = self.add("Sub", x, self.add("ReduceMean", x, axes=[-1]))
        variance = self.add("ReduceMean", self.add("Pow", around, self.f32(2)), axes=[-1])
        spread = self.add("Sqrt", self.add("Add", variance, self.f32(eps)))
        scaled = self.add("Mul", self.add("Div", around, spread), self.f32(weight))
        return str(self.add("Add", scaled, self.f32(bias)))

    def bend(self, x: str) -> str:
        if self.form.bend == "relu":
            return str(self.add("Relu", x))
        if self.form.bend == "operator":
            return str(self.add("Gelu", x))
        if self.form.bend == "erf":
            erf = self.add("Erf", self.add("Div", x, self.f32(np.sqrt(2))))
            return str(self.add("Mul", self.add("Mul", x, self.add("Add", erf, self.f32(1))), self.f32(0.5)))
        cubed = self.add("Mul", self.add("Pow", x, self.f32(3)), self.f32(0.044715))
        inner = self.add("Mul", self.add("Add", x, cubed), self.f32(np.sqrt(2 / np.pi)))
        turned = self.add("Add", self.add("Tanh", inner), self.f32(1))
        return str(self.add("Mul", self.add("Mul", x, self.f32(0.5)), turned))

    def tokens(self) -> str:
        """How many each text has, [1]."""
        return str(self.add("Slice", self.add("Shape", "input_ids"), self.i64([1]), self.i64([2])))

    def mask(self) -> str:
        kind = self.form.mask
        wide = self.add("Unsqueeze", "attention_mask", self.i64([1, 2]))
        if kind == "ids":
            wide = self.add("Unsqueeze", self.add("Cast", self.add("Cast", "input_ids", to=9), to=7), self.i64([1, 2]))
        sight = self.add("Cast", wide, to=1)
        if kind == "fill":
            return str(self.add("Equal", wide, self.hold(np.array(0, _numpy(self.form.ids)))))
        if kind == "attend":
            return str(self.add("Where", self.add("Cast", wide, to=9), self.f32(0), self.f32(-np.inf)))
        if kind == "inverted":
            return str(self.add("Mul", sight, self.f32(-10000)))
        hidden = self.add("Sub", self.f32(1), sight)
        if kind in ("expand", "causal"):
            batch = self.add("Slice", self.add("Shape", "input_ids"), self.i64([0]), self.i64([1]))
            shape = self.add("Concat", batch, self.i64([1]), self.tokens(), self.tokens(), axis=0)
            spread = self.add("Expand", hidden, shape)
            if kind == "causal":
                ahead = self.add("Trilu", self.add("Expand", self.f32(1), shape), self.i64(1), upper=1)
                spread = self.add("Max", spread, ahead)
            cast = self.add("Cast", spread, to=9)
            return str(self.add("Where", cast, self.f32(np.finfo(np.float32).min), spread))
        return str(self.add("Mul", hidden, self.f32(-10000 if kind == "subtract" else np.finfo(np.float32).min)))

    def heads(self, x: str, order: tuple[int, ...] = (0, 2, 1, 3)) -> str:
        shape = self.i64([0, -1, HEADS, DIM])
        if self.form.scale == "shape":
            first = self.add("Slice", self.add("Shape", x), self.i64([0]), self.i64([2]))
            shape = self.add("Concat", first, self.i64([HEADS]), self.i64([DIM]), axis=0)
        cut = self.add("Reshape", x, shape)
        return str(self.add("Transpose", cut, perm=order))

    def projections(self, x: str) -> list[str]:
        if self.form.joined:
            return list(self.add("Split", self.product(x, 3 * HIDDEN, HIDDEN), outputs=3, axis=-1))
        keys = self.norm(x) if self.form.fault == "keys" else x
        return [self.product(each, HIDDEN, HIDDEN) for each in (x, keys, x)]

    def attention(self, x: str, mask: str) -> str:
        query, key, value = self.projections(x)
        form, root = self.form, float(np.sqrt(DIM))
        query, key, value = self.heads(query), self.heads(key, (0, 2, 3, 1)), self.heads(value)
        if form.scale in ("query", "twice"):
            query = self.add("Div", query, self.f32(root))
        if form.scale in ("roots", "shape"):
            by = self.f32(np.sqrt(1 / root))
            if form.scale == "shape":
                width = self.add("Slice", self.add("Shape", query), self.i64([-1]), self.i64([2**62]))
                by = self.add("Sqrt", self.add("Div", self.f32(1), self.add("Sqrt", self.add("Cast", width, to=1))))
            query, key = self.add("Mul", query, by), self.add("Mul", key, by)
        scores = self.add("MatMul", query, key)
        if form.scale in ("scores", "twice"):
            scores = self.add("Div", scores, self.f32(root))
        if form.fault == "scores":
            scores = self.add("Add", scores, self.f32(self.drawn(HEADS, 1, 1)))
        if form.mask == "fill":
            scores = self.add("Where", mask, self.f32(np.finfo(np.float32).min), scores)
        elif form.mask != "none":
            scores = self.add("Add", scores, mask)
        shares = self.add("Softmax", scores, axis=-1)
        if form.mask == "attend":
            shares = self.add("Where", self.add("IsNaN", shares), self.f32(0), shares)
        mixed = self.add("Transpose", self.add("MatMul", shares, value), perm=(0, 2, 1, 3))
        joined = self.add("Reshape", mixed, self.i64([0, 0, HIDDEN]))
        return self.product(joined, HIDDEN, HIDDEN)

    def layer(self, x: str, mask: str, index: int) -> str:
        fault = self.form.fault if index == LAYERS - 1 else ""
        attended = self.attention(x, mask)
        x = attended if fault == "residual" else self.add("Add", attended, x)
        if fault != "norm":
            x = self.norm(x, 2 * EPS if fault == "eps" else EPS)
        bent = self.bend(self.product(x, INNER, HIDDEN))
        if fault == "clipped":
            bent = self.add("Clip", bent, self.f32(-1), self.f32(1))
        if fault == "constant":
            bent = self.add("Add", bent, self.f32(self.drawn(INNER)))
        return self.norm(self.add("Add", self.product(bent, HIDDEN, INNER), x))

    def embedding(self) -> str:
        x = self.add("Gather", self.f32(self.drawn(VOCABULARY, HIDDEN)), "input_ids")
        table, kinds = self.f32(self.drawn(CONTEXT, HIDDEN)), self.drawn(2, HIDDEN)
        if self.form.types == "ids":
            x = self.add("Add", x, self.add("Gather", self.f32(kinds), "token_type_ids"))
        elif self.form.types == "zeros":
            zeros = self.add("ConstantOfShape", self.add("Shape", "input_ids"), value=numpy_helper.from_array(ZERO))
            x = self.add("Add", x, self.add("Gather", self.f32(kinds), zeros))
        if self.form.places == "slice":
            places = self.add("Slice", table, self.i64([0]), self.tokens(), self.i64([0]))
        elif self.form.places == "ids":
            seen = self.add("Cast", self.add("Cast", "input_ids", to=9), to=7)
            places = self.add("Gather", table, self.add("CumSum", seen, self.i64(1)))
        else:
            first = int(self.form.places == "late")
            end = self.add("Add", self.tokens(), self.i64(first))
            row = self.i64(np.arange(CONTEXT + first)[None])
            places = self.add("Gather", table, self.add("Slice", row, self.i64([first]), end, self.i64([1])))
        return self.norm(self.add("Add", x, places))


ZERO = np.zeros(1, np.int64)


def _numpy(kind: int) -> Any:
    return np.int64 if kind == TensorProto.INT64 else np.int32


def bert(form: Form) -> onnx.ModelProto:
    """Of random weights, the same for every form as far as they are drawn in the same order."""
    writer = _Writer(form)
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if form.types == "ids" else [])]
    x = writer.embedding()
    mask = writer.mask() if form.mask != "none" else ""
    for index in range(LAYERS):
        x = writer.layer(x, mask, index)
    x = writer.add("Mul", x, writer.f32(2)) if form.fault == "doubled" else x
    writer.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])]
    if form.fault == "output":
        writer.nodes.append(helper.make_node("ReduceMean", [x], ["pooled"], keepdims=0))
        outputs.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None))
    sizes = ["batch", 7 if form.fault == "fixed" else "tokens"]
    inputs = [helper.make_tensor_value_info(name, form.ids, sizes) for name in names]
    graph = helper.make_graph(writer.nodes, "bert", inputs, outputs, writer.constants)
    opset = 20 if form.bend == "operator" else 17  # before 18 Split and ReduceMean say their parts and axes otherwise
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
