"""A few nodes computed once, in float32."""

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.linear import Node
from tests.graphs.paged import F32


def run(block: Callable[..., Node], *arrays: NDArray[Any]) -> NDArray[Any]:
    """What the block gives for these inputs."""
    inputs = [op.parameter(ov.PartialShape([-1] * array.ndim), ov.Type(array.dtype)) for array in arrays]
    model = ov.Model([op.result(block(*inputs))], inputs, "block")
    compiled = ov.Core().compile_model(model, "CPU", F32)
    found: NDArray[Any] = np.array(compiled(list(arrays))[0])
    return found
