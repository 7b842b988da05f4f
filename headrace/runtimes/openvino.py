"""OpenVINO IR, ONNX, TensorFlow, TFLite and Paddle files on OpenVINO's CPU device."""

from functools import cached_property
from typing import Any

import numpy as np
import openvino as ov

from headrace.errors import InputRefused, ModelInvalid, Unavailable
from headrace.runtimes.reasons import is_out_of_memory, openvino_reason
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.runtimes.specs import with_ranks
from headrace.types import FREE, Manifest, TensorSpec

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
QUANTISED = {"i8", "u8", "i4", "u4", "nf4"}  # of weights


class OpenVino:
    """Loads whatever OpenVINO's own readers read."""

    name = "openvino"

    def load(self, manifest: Manifest, threads: int) -> LoadedModel:
        """Load the file or folder for `threads` threads. Raises ModelInvalid with OpenVINO's reason."""
        precision = manifest.parameters.get("precision", "f32")
        if precision not in PRECISIONS:
            raise ModelInvalid(f"is one of {', '.join(PRECISIONS)}, not {precision!r}", "parameters.precision")
        core, device = ov.Core(), manifest.device.upper()
        if device not in core.available_devices:
            known = ", ".join(each.lower() for each in core.available_devices)
            raise ModelInvalid(f"OpenVINO finds no {manifest.device!r} here, only {known}", "device")
        try:
            model = core.read_model(manifest.path)
            compiled = core.compile_model(model, device, _options(threads, precision))
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
        self._model = model
        self._precision = precision
        self._request = compiled.create_infer_request()
        self._places = {spec.name: index for index, spec in enumerate(self.outputs)}
        self._of_bf16 = {spec.name for spec in (*self.inputs, *self.outputs) if spec.datatype == "BF16"}

    @cached_property
    def coarse(self) -> bool:
        """Whether it computes in half precision, or with quantised numbers."""
        return self._precision != "f32" or any(
            operation.get_type_name() == "FakeQuantize"
            or (operation.get_type_name() == "Constant" and operation.get_element_type().get_type_name() in QUANTISED)
            for operation in self._model.get_ordered_ops()
        )

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Compute, and give the outputs asked for (all, where empty). Raises InputRefused, or Unavailable."""
        missing = [spec.name for spec in self.inputs if spec.name not in arrays]
        if missing:  # an infer request would take what it was given the last time
            raise InputRefused(f"missing: {', '.join(map(repr, missing))}", "inputs")
        feed = {index: self._value(spec, arrays) for index, spec in enumerate(self.inputs)}
        try:
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

    def close(self) -> None:
        """Give the memory back."""
        del self._request, self._model

    def _value(self, spec: TensorSpec, arrays: Arrays) -> Any:
        array = np.ascontiguousarray(arrays[spec.name]).reshape(arrays[spec.name].shape)
        return ov.Tensor(array, list(array.shape), ov.Type.bf16) if spec.name in self._of_bf16 else array

    def _copied(self, name: str, array: Any) -> Any:
        """The next run writes where this one did. BF16 is handed out under another name of its width."""
        return (array.view(np.uint16) if name in self._of_bf16 else array).copy()


def _options(threads: int, precision: str) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # several workers would pin their threads to the same cores
    }


def _specs(ports: Any, kind: str) -> tuple[TensorSpec, ...]:
    taken: set[str] = set()
    specs = []
    for port in ports:
        name = _name(port, taken)
        taken.add(name)
        element = port.element_type.get_type_name()
        if element not in DATATYPES:
            raise ModelInvalid(f"{kind} {name!r} is of type {element}, which cannot be carried to OpenVINO and back")
        shape = port.partial_shape
        sizes = () if shape.rank.is_dynamic else tuple(FREE if size.is_dynamic else size.get_length() for size in shape)
        specs.append(TensorSpec(name, DATATYPES[element], sizes))
    return tuple(specs)


def _name(port: Any, taken: set[str]) -> str:
    """The shortest of the port's names that is free, so that it is the same at every load; or its node's."""
    names: list[str] = sorted(port.get_names(), key=lambda name: (len(name), name))
    names.append(port.node.friendly_name)
    return next(name for name in names if name not in taken)
