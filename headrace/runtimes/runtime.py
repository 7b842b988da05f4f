"""How numbers are computed: the protocols that each runtime implements."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.types import Manifest, TensorSpec

Arrays = Mapping[str, NDArray[np.generic]]
"""Arrays by tensor name; BYTES are object arrays of `bytes`, BF16 is held as its bits in uint16."""


class LoadedModel(Protocol):
    """One instance on one device; never called twice at once."""

    inputs: tuple[TensorSpec, ...]  # as the file says, batch axis included; () also where the file gives no rank
    outputs: tuple[TensorSpec, ...]  # those that the file gives no rank have one after the first run
    platform: str  # Triton's word for the file's kind
    runtime: str  # with its version

    @property
    def coarse(self) -> bool:
        """Whether it computes in so few bits (int8, bfloat16) that a row may move a little in company."""
        ...

    def run(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        """Compute the outputs asked for (all, where empty). Inputs are valid only during the call.

        Raises InputRefused where the model cannot run on these inputs, Unavailable where memory lacks.
        """
        ...

    def close(self) -> None: ...


class Runtime(Protocol):
    """A library that loads and runs model files."""

    name: str

    def load(self, manifest: Manifest, threads: int) -> LoadedModel:
        """Load the file for `threads` threads. Raises ModelInvalid with a reason made for the user."""
        ...
