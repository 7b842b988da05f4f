"""Arrays -> inputs of Triton's clients, and answers -> arrays; BF16 as its bits in uint16, as headrace has it."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from tritonclient.utils import np_to_triton_dtype

Arrays = Mapping[str, NDArray[Any]]


def inputs(client: ModuleType, arrays: Arrays, datatypes: Mapping[str, str] | None = None, **how: Any) -> list[Any]:
    """`InferInput`s of `tritonclient.http` or `.grpc`; `how` goes to `set_data_from_numpy`."""
    made = []
    for name, array in arrays.items():
        datatype = (datatypes or {}).get(name) or np_to_triton_dtype(array.dtype)
        tensor = client.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array.view(ml_dtypes.bfloat16) if datatype == "BF16" else array, **how)
        made.append(tensor)
    return made


def outputs(result: Any, datatypes: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The named outputs of an answer."""
    found = {name: result.as_numpy(name) for name in datatypes}
    return {name: array.view(np.uint16) if datatypes[name] == "BF16" else array for name, array in found.items()}
