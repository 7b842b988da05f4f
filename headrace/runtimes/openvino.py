"""OpenVINO IR, ONNX, TensorFlow, TFLite and Paddle files on OpenVINO's CPU device."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import openvino as ov

from headrace.errors import InputRefused, ModelInvalid, Unavailable
from headrace.runtimes import rehearsal
from headrace.runtimes.openvino_one_thread import for_one_thread
from headrace.runtimes.openvino_tables import tables
from headrace.runtimes.reasons import is_out_of_memory, openvino_reason
from headrace.runtimes.rows import FLAG_WORDS
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.runtimes.specs import with_ranks
from headrace.types import FREE, Manifest, Shape, TensorSpec

DATATYPES = {
    "boolean": "BOOL",
    "u8": "UINT8",
    "u16": "UINT16",
    "u32": "UINT32",
    "u64": "UINT64",
    "i8": "INT8",
    "i16": "INT16",
    "i32": "INT32",
    "i64": "INT64",
    "f16": "FP16",
    "bf16": "BF16",
    "f32": "FP32",
    "f64": "FP64",
}
"""OpenVINO's words for what can be carried. Not strings: its Python interface reads past the end of empty ones."""

PRECISIONS = ("f32", "bf16", "f16")
MOST_SHAPES = 4096
"""Shapes that are remembered as right; checking one again takes milliseconds."""

QUANTISED = {"i8", "u8", "i4", "u4", "nf4"}  # of weights


class OpenVino:
    """Loads whatever OpenVINO's own readers read."""

    name = "openvino"

    def load(self, manifest: Manifest, threads: int) -> LoadedModel:
        """Load the file or folder for `threads` threads. Raises ModelInvalid with OpenVINO's reason."""
        precision = manifest.parameters.get("precision", "f32")
        if precision not in PRECISIONS:
            raise ModelInvalid(f"is one of {', '.join(PRECISIONS)}, not {precision!r}", "parameters.precision")
        device = manifest.device.upper()
        if device not in core().available_devices:
            known = ", ".join(each.lower() for each in core().available_devices)
            raise ModelInvalid(f"OpenVINO finds no {manifest.device!r} here, only {known}", "device")
        try:
            model = core().read_model(manifest.path)
            _check_types(model)  # before the compiler meets them, and says less
            options = compile_options(threads, precision)
            compiled = core().compile_model(for_one_thread(model, options), device, options)
        except ModelInvalid:
            raise
        except Exception as error:  # RuntimeError, and whatever its readers throw
            raise ModelInvalid(openvino_reason(str(error)), manifest.path.name) from error
        return OpenVinoModel(model, compiled, precision)


class OpenVinoModel:
    """One infer request; inputs are read where they lie, every output is computed."""

    platform = "openvino"

    def __init__(self, model: Any, compiled: Any, precision: str) -> None:
        self.inputs = _specs(model.inputs, "input")
        self.outputs = _specs(model.outputs, "output")
        self.runtime = f"openvino {ov.__version__.partition('-')[0]}"
        self.tables = tables(model)
        # Past a table's end it reads what lies there: of numbers whose table is not known, those that would drown all
        # others are not tried, and a row that moves a little is not taken for noise.
        told = all(_is_told(spec, self.tables) for spec in self.inputs)
        self.coarse = precision != "f32" or (told and any(map(_is_quantised, model.get_ordered_ops())))
        self._shapes = _Shapes(model, self.inputs)
        self._request = compiled.create_infer_request()
        self._remembers = bool(self._request.query_state())
        self._places = {spec.name: index for index, spec in enumerate(self.outputs)}
        self._of_bf16 = {spec.name for spec in (*self.inputs, *self.outputs) if spec.datatype == "BF16"}

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Compute, and give the outputs asked for (all, where empty). Raises InputRefused, or Unavailable."""
        missing = [spec.name for spec in self.inputs if spec.name not in arrays]
        if missing:  # an infer request would take what it was given the last time
            raise InputRefused(f"missing: {', '.join(map(repr, missing))}", "inputs")
        self._shapes.check([arrays[spec.name].shape for spec in self.inputs])
        feed = {index: self._value(spec, arrays) for index, spec in enumerate(self.inputs)}
        try:
            if self._remembers:  # what is left of one request is not for the next, which may be another's
                self._request.reset_state()
            self._request.infer(feed, share_inputs=True)
            found = [self._request.get_output_tensor(index).data for index in range(len(self.outputs))]
        except Exception as error:  # RuntimeError, and what its conversions of arrays raise
            reason = openvino_reason(str(error))
            if is_out_of_memory(error):
                raise Unavailable(f"not enough memory for this request: {reason}") from error
            raise InputRefused(reason) from error
        results = {name: self._copied(name, found[self._places[name]]) for name in outputs or self._places}
        self.outputs = with_ranks(self.outputs, results)
        return results

    def counters(self) -> Sequence[Any]:
        """What each operator took in the last run, where the model was compiled to count that."""
        found: Sequence[Any] = self._request.get_profiling_info()
        return found

    def close(self) -> None:
        """Give the memory back."""
        del self._request, self._shapes

    def _value(self, spec: TensorSpec, arrays: Arrays) -> Any:
        array = np.ascontiguousarray(arrays[spec.name]).reshape(arrays[spec.name].shape)
        return ov.Tensor(array, list(array.shape), ov.Type.bf16) if spec.name in self._of_bf16 else array

    def _copied(self, name: str, array: Any) -> Any:
        """The next run writes where this one did. BF16 is handed out under another name of its width."""
        return (array.view(np.uint16) if name in self._of_bf16 else array).copy()


class _Shapes:
    """Holds shapes against the model's own rules, each once.

    Compiled for free dimensions, OpenVINO does not: a matrix product of the wrong width reads what lies beside.
    The first dimension stays free here, so that every number of rows is one case.
    """

    def __init__(self, model: Any, specs: tuple[TensorSpec, ...]) -> None:
        self._free_first = [spec.shape[:1] == (FREE,) for spec in specs]
        self._fixed = all(spec.shape and FREE not in spec.shape[1:] for spec in specs)
        self._model = None if self._fixed else model.clone()
        self._right: set[tuple[Shape, ...]] = set()

    def check(self, shapes: list[Shape]) -> None:
        """Raises InputRefused where the model cannot take these shapes together."""
        if self._model is None:
            return
        key = tuple((FREE, *shape[1:]) if free else shape for free, shape in zip(self._free_first, shapes, strict=True))
        if key in self._right:
            return
        try:
            self._model.reshape({index: ov.PartialShape(list(shape)) for index, shape in enumerate(key)})
        except RuntimeError as error:
            raise InputRefused(openvino_reason(str(error))) from error
        if len(self._right) >= MOST_SHAPES:
            self._right.clear()
        self._right.add(key)


@cache
def core() -> Any:
    """The one of this process, kept to its end.

    OpenVINO's CPU plugin gives the thread that makes it a stack for signals and takes it away when it ends. Two plugins
    that end in the order they were made in leave behind freed memory as that stack: the next signal is a crash.
    """
    return ov.Core()


def in_reserve() -> None:
    """Have done what a process does with its first model: its plugin starts threads, and so not before a fork."""
    if "CPU" in core().available_devices:
        model = core().read_model(rehearsal.MODEL)
        compiled = core().compile_model(model, "CPU", compile_options(1, "f32"))
        OpenVinoModel(model, compiled, "f32").run(rehearsal.INPUTS)


def _is_told(spec: TensorSpec, known: Mapping[str, int]) -> bool:
    """Whether all numbers that this input may be given can be tried."""
    flags = any(word in spec.name.lower() for word in FLAG_WORDS)
    return flags or spec.name in known or spec.datatype.startswith(("FP", "BF"))


def _is_quantised(operation: Any) -> bool:
    kind = operation.get_type_name()
    return kind == "FakeQuantize" or (
        kind == "Constant" and operation.get_element_type().get_type_name() in QUANTISED and operation.get_shape()
    )


def compile_options(threads: int, precision: str) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # several workers would pin their threads to the same cores
    }


def _check_types(model: Any) -> None:
    """Raises ModelInvalid for a type that no request could send, or no answer hold."""
    _specs(model.inputs, "input")
    _specs(model.outputs, "output")


def _specs(ports: Any, kind: str) -> tuple[TensorSpec, ...]:
    taken: set[str] = set()
    specs = []
    for port in ports:
        name = _name(port, taken)
        taken.add(name)
        element = port.element_type.get_type_name()
        if element not in DATATYPES:
            raise ModelInvalid(f"{kind} {name!r} is of type {element}, which {_instead(element, kind)}")
        shape = port.partial_shape
        sizes = () if shape.rank.is_dynamic else tuple(FREE if size.is_dynamic else size.get_length() for size in shape)
        specs.append(TensorSpec(name, DATATYPES[element], sizes))
    return tuple(specs)


def _instead(element: str, kind: str) -> str:
    refused = "cannot be carried to OpenVINO and back"
    if element == "string":
        return f"{refused}: make the text into numbers outside of the model, or serve it as ONNX"
    turn = "begin with a Convert from f32" if kind == "input" else "end with a Convert to f32"
    return f"{refused}: have its graph {turn}, say"


def _name(port: Any, taken: set[str]) -> str:
    """The shortest of the port's names that is free, so that it is the same at every load; or its node's."""
    names: list[str] = sorted(port.get_names(), key=lambda name: (len(name), name))
    names.append(port.node.friendly_name)
    return next(name for name in names if name not in taken)
