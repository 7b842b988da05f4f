"""Small models of many kinds behind `headrace serve`, once for all tests of this folder."""

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from tritonclient.utils import shared_memory

from tests.e2e.tensors import Arrays
from tests.models.onnx_models import identity, save, two_outputs
from tests.program import ANY_PORTS, Program, serving
from tools.add_sub_onnx import add_sub

SETTINGS = ("protocols.oip.shared_memory=true", "models.uploads=true")
LABELS = '[[outputs]]\nname = "OUTPUT0"\nlabels = ["cat", "dog", "cow"]\n'
REGION_BYTES = 4096


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("models")
    for version in "12":
        save(add_sub(), folder / "add_sub" / version)
    (folder / "add_sub" / "model.toml").write_text('version_policy = "all"\n' + LABELS)
    save(add_sub(), folder / "comes_and_goes")
    save(two_outputs(), folder / "two_outputs")
    for datatype in ("BYTES", "FP16", "BF16"):
        save(identity(datatype), folder / datatype.lower())
    flags = [flag for setting in SETTINGS for flag in ("--set", setting)]
    with serving(folder, *ANY_PORTS, *flags) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def pair() -> Arrays:
    """Inputs of add_sub: two rows."""
    first = np.arange(32, dtype=np.int32).reshape(2, 16)
    return {"INPUT0": first, "INPUT1": np.ascontiguousarray(first[::-1]) * 3}


class Region(NamedTuple):
    """A region of shared memory, made as Triton's examples make it."""

    handle: Any
    key: str


@pytest.fixture
def region() -> Iterator[Region]:
    key = f"/headrace-test-{uuid.uuid4().hex}"
    handle = shared_memory.create_shared_memory_region("region", key, REGION_BYTES)
    yield Region(handle, key)
    shared_memory.destroy_shared_memory_region(handle)
