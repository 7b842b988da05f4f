"""Dense, a module of sentence-transformers: its configuration, and the tensors that lie in its own folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Dense
from headrace.weights.fields import Fields
from headrace.weights.limits import MAX_WIDTH
from headrace.weights.safetensors import SafetensorsFile, read_safetensors
from headrace.weights.stored import StoredWeight

FILE, PICKLE = "model.safetensors", "pytorch_model.bin"
TORCH = "torch.nn."
ACTIVATIONS: Mapping[str, Literal["tanh", "identity", "relu", "gelu"]] = {
    "Tanh": "tanh",
    "Identity": "identity",
    "ReLU": "relu",
    "GELU": "gelu",
}
"""By the names of torch's classes."""

DEFAULT = "torch.nn.modules.activation.Tanh"


class DenseModule(msgspec.Struct, frozen=True):
    """One such module, as its configuration says."""

    place: Path
    fields: Fields
    inputs: int
    bias: bool
    layer: Dense


class DenseTensors(msgspec.Struct, frozen=True):
    """The tensors of all of them."""

    weights: Mapping[str, StoredWeight] = {}  # by canonical name
    tensors: Mapping[str, StoredWeight] = {}  # by the folder's own
    headers: Sequence[NDArray[np.uint8]] = ()


def dense_module(place: Path, fields: Fields, *, of_unit: bool) -> DenseModule:
    """Raises ModelInvalid with the field that is missing, wrong or not supported."""
    if fields.flag("use_residual", False):
        raise fields.fault("use_residual", "is not supported")
    named = fields.text("activation_function", DEFAULT)
    activation = ACTIVATIONS.get(named.rpartition(".")[2]) if named.startswith(TORCH) else None
    if activation is None:
        right = ", ".join(f"torch's {name}" for name in ACTIVATIONS)
        raise fields.fault("activation_function", f"{named!r:.80} is not supported; read are {right}")
    width = fields.integer("out_features", high=MAX_WIDTH)
    inputs, bias = fields.integer("in_features", high=MAX_WIDTH), fields.flag("bias", True)
    return DenseModule(place, fields, inputs, bias, Dense(width, activation, of_unit))


def dense_tensors(modules: Sequence[DenseModule], width: int) -> DenseTensors:
    """`width` goes into the first. Raises ModelInvalid where one does not fit what is before it, or lacks a tensor."""
    weights: dict[str, StoredWeight] = {}
    tensors: dict[str, StoredWeight] = {}
    headers = []
    for index, module in enumerate(modules):
        if module.inputs != width:
            raise module.fields.fault("in_features", f"must be {width}, the width of what it is given")
        file = _file(module.place)
        headers.append(file.header)
        _check(file.tensors, module)
        width = module.layer.width
        for name, tensor in file.tensors.items():
            tensors[f"{module.place.name}: {name}"] = tensor
            weights[f"dense.{index}_bias" if name == "linear.bias" else f"dense.{index}"] = tensor
    return DenseTensors(weights, tensors, headers)


def _file(place: Path) -> SafetensorsFile:
    where = f"{place.name}/{FILE}"
    if not (place / FILE).exists():
        if (place / PICKLE).exists():
            raise ModelInvalid(f"is a pickle, which is not read: {where} is what is needed", f"{place.name}/{PICKLE}")
        raise ModelInvalid("is missing", where)
    try:
        return read_safetensors(place / FILE)
    except ModelInvalid as error:
        raise ModelInvalid(error.message, f"{place.name}/{error.where}") from error


def _check(tensors: Mapping[str, StoredWeight], module: DenseModule) -> None:
    width = module.layer.width
    shapes: dict[str, tuple[int, ...]] = {"linear.weight": (width, module.inputs)}
    if module.bias:
        shapes["linear.bias"] = (width,)
    where = f"{module.place.name}/{FILE}"
    for name in (*shapes, *tensors):
        if name not in shapes:
            raise ModelInvalid("is no tensor of it, by its configuration", f"{where}: {name[:200]}")
        if name not in tensors:
            raise ModelInvalid("is missing", f"{where}: {name}")
        if tensors[name].shape != shapes[name]:
            right, found = list(shapes[name]), list(tensors[name].shape)
            raise ModelInvalid(f"must have the shape {right}, has {found}", f"{where}: {name}")
