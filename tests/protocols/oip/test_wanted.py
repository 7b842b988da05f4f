"""What a request says of its outputs is read by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.errors import Forbidden, InvalidRequest, ModelNotFound, NotFound
from headrace.models.registry import Registry, Served
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import Place
from headrace.protocols.oip.wanted import Answers, Classes, Outputs, WantedOutput
from headrace.types import BatchAxis, Manifest, ModelRef, ModelVersion, Parameter, Response, Signature, Tensor
from tests.protocols.oip.stub import BATCH, MODELS, StubServable

SCORES = ModelRef("scores")
IN_REGION: dict[str, Parameter] = {"shared_memory_region": "r", "shared_memory_byte_size": 8}


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[Regions]:
    (tmp_path / "file").write_bytes(bytes(16))
    regions = Regions(allowed=True, folder=tmp_path)
    regions.register("r", "/file", 0, 16)
    yield regions
    regions.close()


def outputs(regions: Regions = Regions(False), model: ModelRef = SCORES, binary: bool = True) -> Outputs:  # noqa: B008
    scores, version, registry = MODELS["scores"], ModelVersion("scores", 1), Registry()
    signature = Signature(scores.inputs, scores.outputs, BatchAxis(True, 8), "stub", "stub")
    servable = StubServable(version, signature, scores.compute)
    registry.publish(Served(version, Manifest("scores", 1, Path(), "stub"), servable))
    return Outputs(model, registry, regions, binary)


@pytest.mark.parametrize("binary", [True, False])
def test_an_output_without_parameters_follows_the_request(binary: bool) -> None:
    reading = outputs(binary=binary)
    reading.add("y", None)
    assert reading.found == {"y": WantedOutput("outputs[0]", binary)}


def test_an_output_may_say_whether_it_is_binary() -> None:
    reading = outputs()
    reading.add("y", {"binary_data": False})
    assert not reading.found["y"].binary


def test_classes_come_with_the_models_labels() -> None:
    reading = outputs()
    reading.add("OUTPUT", {"classification": 2})
    assert reading.found["OUTPUT"].classes == Classes(2, ("cat", "dog", "cow"), True)


def test_no_classes_at_all_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^outputs\[0\]\.parameters\.classification: 0 classes are asked for"):
        outputs().add("OUTPUT", {"classification": 0})


def test_classes_of_an_unknown_model_are_refused() -> None:
    with pytest.raises(ModelNotFound):
        outputs(model=ModelRef("nothing")).add("OUTPUT", {"classification": 2})


def test_an_output_may_be_wanted_in_shared_memory(regions: Regions) -> None:
    reading = outputs(regions)
    reading.add("y", IN_REGION)
    assert reading.found["y"].place == Place("r", 0, 8)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"shared_memory_region": "nothing"}, NotFound), ({"shared_memory_byte_size": 17}, InvalidRequest)],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_model_runs(
    regions: Regions, change: dict[str, Parameter], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^outputs\[1\]\.parameters\.shared_memory_region: "):
        reading = outputs(regions)
        reading.add("x", None)
        reading.add("y", IN_REGION | change)


def test_shared_memory_is_refused_where_it_is_off() -> None:
    with pytest.raises(Forbidden, match="shared memory is off"):
        outputs().add("y", IN_REGION)


def test_an_output_asked_for_twice_is_refused() -> None:
    reading = outputs()
    reading.add("y", None)
    with pytest.raises(InvalidRequest, match=r"^outputs\[1\]\.name: 'y' is asked for twice$"):
        reading.add("y", None)


@pytest.mark.parametrize("datatype", ["FP32", "INT32"])
def test_what_was_written_for_an_answer_stands_for_those_of_its_datatypes_alone(datatype: str) -> None:
    first, next_ = (
        Response(ModelVersion("m", 1), (Tensor("y", each, (1, 2), bytes(8)),), BATCH) for each in ("FP32", datatype)
    )
    answers = Answers()
    answers.keep(first, b"{}", b"")
    assert (answers.get(next_) is not None) == (datatype == "FP32")
