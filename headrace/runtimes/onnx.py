"""ONNX files on ONNX Runtime's CPU provider."""

import ctypes
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from headrace.devices.inventory import cpu_features
from headrace.errors import HeadraceError, InputRefused, ModelInvalid, Unavailable
from headrace.runtimes import rehearsal
from headrace.runtimes.class_maps import TYPES as CLASS_MAPS
from headrace.runtimes.class_maps import columns, of_classes, with_classes
from headrace.runtimes.onnx_carried import no_datatype, uncarried
from headrace.runtimes.onnx_classes import classes
from headrace.runtimes.onnx_content import has_softmax, is_quantised
from headrace.runtimes.onnx_signed import signed
from headrace.runtimes.reasons import is_out_of_memory, onnxruntime_reason
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.runtimes.specs import dimension, with_ranks
from headrace.runtimes.text import decoded, encoded
from headrace.runtimes.tiny_numbers import zeroed
from headrace.types import Manifest, TensorSpec

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(bfloat16)": "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
"""ONNX Runtime's words for what can be carried; no sequences, maps, optionals, complex, float8 or 4-bit numbers."""

SPINNING = {
    "run": {"force_spinning_stop": "1"},
    "off": {"intra_op.allow_spinning": "0"},
    "on": {"intra_op.allow_spinning": "1"},
}
"""When idle threads of a session spin for work: between runs they would take the cores from the server."""

SLOWER = ["SkipLayerNormFusion"]
"""ONNX Runtime's fusions that make something slower of what they join.

A sum and its layer norm, joined, are a plain loop, where the norm by itself is made of vectors: of 8 to 512 rows of 64
to 4096 numbers, the loop takes 2 to 8 times as long on one thread, on two 1.5 to 6 (`benchmarks/bench_fusions.py`).
"""

BFLOAT16 = 16  # TensorProto.BFLOAT16
_OF_SEQUENCES = "; have the graph end in ConcatFromSequence, or in a SequenceAt for each of its tensors"
FATAL = 4  # errors are raised; that they are also printed helps nobody
TINY_NUMBERS = ("zero", "kept")
"""What is done with numbers below a float's full precision; by default they are zero where the file has a softmax."""

Values = Mapping[str, Any]  # arrays, and OrtValues for BF16
Numbers = Callable[[], AbstractContextManager[None]]  # how the thread that runs computes meanwhile


class Onnx:
    """Loads ONNX files."""

    name = "onnx"

    def load(self, manifest: Manifest, threads: int) -> LoadedModel:
        """Load the file for `threads` threads. Raises ModelInvalid with ONNX Runtime's reason, or the unknown type."""
        if manifest.device != "cpu":
            raise ModelInvalid(f"the onnx runtime computes on the device 'cpu', not on {manifest.device!r}", "device")
        spinning = manifest.parameters.get("spinning", "run")
        if spinning not in SPINNING:
            raise ModelInvalid(f"is one of {', '.join(SPINNING)}, not {spinning!r}", "parameters.spinning")
        return opened(manifest, session_options(threads, spinning))


class OnnxModel:
    """One session; inputs are read where they lie, and only the outputs asked for are computed."""

    platform = "onnxruntime_onnx"

    def __init__(self, session: ort.InferenceSession, path: Path, numbers: Numbers = nullcontext) -> None:
        required = [_spec(node, "input") for node in session.get_inputs()]
        optional = [_spec(node, "input", optional=True) for node in session.get_overridable_initializers()]
        self.inputs = (*required, *optional)
        self._of_classes = {node.name for node in session.get_outputs() if node.type in CLASS_MAPS}
        labels = classes(path) if self._of_classes else {}
        self.outputs = tuple(
            of_classes(node.name, labels.get(node.name, ())) if node.name in self._of_classes else _spec(node, "output")
            for node in session.get_outputs()
        )
        self.runtime = f"onnx {ort.__version__}"
        self._path = path
        self.session = session
        self._numbers = numbers
        self._names = tuple(spec.name for spec in self.outputs)
        self._by_hand = {spec.name: spec.datatype for spec in self.inputs if spec.datatype in ("BF16", "BYTES")}
        self._of_bf16 = {spec.name for spec in self.outputs if spec.datatype == "BF16"}
        self._of_text = {spec.name for spec in self.outputs if spec.datatype == "BYTES"}
        if self._of_bf16 and "BYTES" in self._by_hand.values():
            raise ModelInvalid("BF16 outputs of a model with string inputs cannot be read from ONNX Runtime")

    @cached_property
    def coarse(self) -> bool:
        """Whether the file computes with quantised numbers."""
        return is_quantised(self._path)

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Compute the outputs asked for (all, where empty). Raises InputRefused, or Unavailable where memory lacks."""
        names = outputs or self._names
        feed = {name: self._value(name, array) for name, array in arrays.items()} if self._by_hand else arrays
        try:
            with self._numbers():
                found = self._bf16(names, feed) if self._of_bf16.intersection(names) else self.session.run(names, feed)
        except Exception as error:  # its errors have no common base
            raise _refusal(error) from error
        results = dict(zip(names, found, strict=True))
        for name in self._of_text.intersection(names):
            results[name] = encoded(results[name])
        if self._of_classes:
            found_classes = {name: results[name] for name in self._of_classes.intersection(names)}
            self.outputs = with_classes(self.outputs, found_classes)
            results |= {name: columns(rows) for name, rows in found_classes.items()}
        self.outputs = with_ranks(self.outputs, results)
        return results

    def close(self) -> None:
        """Give the memory back."""
        del self.session

    def _value(self, name: str, array: NDArray[np.generic]) -> Any:
        """What ONNX Runtime takes for an array: BF16 as an OrtValue, text as `str` and never as `bytes`."""
        datatype = self._by_hand.get(name)
        if datatype == "BYTES":
            return decoded(name, array)
        if datatype == "BF16":
            bits = np.ascontiguousarray(array).reshape(array.shape)  # it gives scalars a dimension
            return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, BFLOAT16)
        return array

    def _bf16(self, names: tuple[str, ...], feed: Values) -> list[NDArray[np.generic]]:
        """A run whose outputs numpy has no type for: they are read from memory as bits."""
        values = {
            name: value if isinstance(value, ort.OrtValue) else ort.OrtValue.ortvalue_from_numpy(value)
            for name, value in feed.items()
        }
        results = self.session.run_with_ort_values(names, values)
        return [
            _bits(value) if name in self._of_bf16 else value.numpy() for name, value in zip(names, results, strict=True)
        ]


def before_forks() -> None:
    """Have done once for all forks what a process does with its first session; one thread starts no other."""
    session = ort.InferenceSession(rehearsal.MODEL, session_options(1, "run"), providers=["CPUExecutionProvider"])
    OnnxModel(session, Path()).run(rehearsal.INPUTS)


in_reserve = before_forks  # once more: what it reads and writes is then there in the fork itself


def opened(manifest: Manifest, options: ort.SessionOptions) -> OnnxModel:
    """The model of a file by a session of these options. Raises ModelInvalid with ONNX Runtime's reason."""
    tiny = manifest.parameters.get("tiny_numbers") or ("zero" if has_softmax(manifest.path) else "kept")
    if tiny not in TINY_NUMBERS:
        raise ModelInvalid(f"is one of {', '.join(TINY_NUMBERS)}, not {tiny!r}", "parameters.tiny_numbers")
    if tiny == "kept":
        return OnnxModel(open_session(manifest.path, options), manifest.path)
    options.add_session_config_entry("session.set_denormal_as_zero", "1")  # of its threads; of this one by ourselves:
    with zeroed():  # it would set the thread of a process's first session, and for good
        return OnnxModel(open_session(manifest.path, options), manifest.path, zeroed)


def open_session(path: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    """Raises ModelInvalid with the tensor of a type that cannot be carried, else with ONNX Runtime's reason."""
    try:
        if path.suffix == ".onnx" and (content := signed(path, cpu_features())):
            with suppress(Exception):  # of an operator that takes no signed weights: as the file has them
                return _session(content, options)
        return _session(path, options)
    except Exception as error:  # its errors have no common base
        if named := uncarried(path):
            raise ModelInvalid(named) from error
        raise ModelInvalid(onnxruntime_reason(str(error)), path.name) from error


def _session(content: Path | bytes, options: ort.SessionOptions) -> ort.InferenceSession:
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER)


def session_options(threads: int, spinning: str) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    for key, value in SPINNING[spinning].items():
        options.add_session_config_entry(f"session.{key}", value)
    return options


def _spec(node: Any, kind: str, optional: bool = False) -> TensorSpec:
    datatype = DATATYPES.get(node.type)
    if datatype is None:
        hint = _OF_SEQUENCES if kind == "output" and node.type.startswith("seq(tensor(") else ""
        raise ModelInvalid(no_datatype(kind, node.name, node.type) + hint)
    shape = tuple(dimension(size) for size in node.shape)
    symbols = tuple(size if isinstance(size, str) else "" for size in node.shape)
    return TensorSpec(node.name, datatype, shape, optional, symbols=symbols)


def _bits(value: ort.OrtValue) -> NDArray[np.generic]:
    """A copy of a BF16 tensor as uint16."""
    shape, size = tuple(value.shape()), value.tensor_size_in_bytes()
    content = ctypes.string_at(value.data_ptr(), size) if size else b""
    return np.frombuffer(content, np.uint16).reshape(shape)


def _refusal(error: Exception) -> HeadraceError:
    """Why a run failed: what it was given, or what the machine lacks."""
    if is_out_of_memory(error):
        return Unavailable(f"not enough memory for this request: {onnxruntime_reason(str(error))}")
    return InputRefused(onnxruntime_reason(str(error)))
