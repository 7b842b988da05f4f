"""Tensors in shared memory are read and written where their parameters say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import Place, SharedInputs, read_place, write_shared
from headrace.types import Parameter, Tensor

WHERE = "inputs[0]"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(64)))
    return path


@pytest.fixture
def regions(file: Path) -> Iterator[Regions]:
    regions = Regions(allowed=True, folder=file.parent)
    regions.register("r", "/file", 0, 64)
    yield regions
    regions.close()


def said(region: Parameter = "r", **more: Parameter) -> dict[str, Parameter]:
    return {"shared_memory_region": region, **{f"shared_memory_{name}": value for name, value in more.items()}}


def test_a_place_starts_at_the_regions_start_unless_said() -> None:
    assert read_place(said(byte_size=8), "p") == Place("r", 0, 8)
    assert read_place(said(byte_size=8, offset=4), "p") == Place("r", 4, 8)


def test_a_place_without_a_size_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^p\.shared_memory_byte_size: is missing$"):
        read_place(said(), "p")


def test_an_input_is_read_at_its_offset(regions: Regions) -> None:
    assert SharedInputs(regions).read("UINT8", (3,), said(byte_size=3, offset=5), WHERE) == b"\5\6\7"


def test_an_input_of_another_size_than_its_shape_is_refused(regions: Regions) -> None:
    with pytest.raises(InvalidRequest, match=r"^inputs\[0\]: shape \[3\] of FP32 takes 12 bytes, 4 were sent$"):
        SharedInputs(regions).read("FP32", (3,), said(byte_size=4), WHERE)


def test_an_unknown_region_is_named_with_the_path(regions: Regions) -> None:
    with pytest.raises(NotFound, match=r"^inputs\[0\]\.parameters\.shared_memory_region: "):
        SharedInputs(regions).read("UINT8", (3,), said("nothing", byte_size=3), WHERE)


def test_inputs_that_are_too_large_together_are_refused_before_they_are_read(regions: Regions) -> None:
    regions.max_read_bytes = 100
    shared = SharedInputs(regions)
    shared.read("UINT8", (60,), said(byte_size=60), WHERE)
    with pytest.raises(InvalidRequest, match=r"^inputs\[1\].parameters.shared_memory_byte_size: .* are over 100 bytes"):
        shared.read("UINT8", (60,), said(byte_size=60), "inputs[1]")


def test_an_output_is_written_and_told(regions: Regions, file: Path) -> None:
    told = write_shared(Tensor("y", "UINT8", (2,), b"ab"), Place("r", 10, 8), "outputs[0]", regions)
    assert told == said(byte_size=2, offset=10)
    assert file.read_bytes()[10:13] == b"ab\x0c"
