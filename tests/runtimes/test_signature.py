"""What the file and the configuration say, together."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.fake import FakeFile, FakeInput, FakeModel, FakeOutput
from headrace.runtimes.signature import signature
from headrace.types import FREE, BatchAxis, Manifest, Shape, Signature, TensorSpec
from tests.runtimes.manifests import manifest

ALONE = BatchAxis(False)
BATCHED = BatchAxis(True, 8)


def model(shape: Shape = (FREE, 4), out: Shape = (FREE, 2)) -> FakeModel:
    return FakeModel(FakeFile((FakeInput("x", shape),), (FakeOutput("y", out),)))


def said(inputs: Sequence[TensorSpec] = (), outputs: Sequence[TensorSpec] = ()) -> Manifest:
    return manifest(Path("model.fake"), "fake", inputs=tuple(inputs), outputs=tuple(outputs))


def found(loaded: FakeModel, asked: Manifest, axis: BatchAxis = ALONE) -> Signature:
    return signature(loaded, asked, axis)


def test_the_file_is_believed_where_nothing_is_said() -> None:
    result = found(model(), said(), BATCHED)
    assert result.inputs == (TensorSpec("x", "FP32", (FREE, 4)),)
    assert result.outputs == (TensorSpec("y", "FP32", (FREE, 2)),)
    assert (result.platform, result.runtime, result.batch) == ("fake", "fake 1", BATCHED)


def test_labels_are_added_and_the_rest_is_kept() -> None:
    result = found(model(), said(outputs=[TensorSpec("y", "", (), labels=("cat", "dog"))]))
    assert result.outputs == (TensorSpec("y", "FP32", (FREE, 2), labels=("cat", "dog")),)


def test_a_free_dimension_may_be_fixed() -> None:
    result = found(model((FREE, FREE)), said([TensorSpec("x", "FP32", (FREE, 7))]))
    assert result.inputs[0].shape == (FREE, 7)


def test_a_reshape_keeps_both_shapes() -> None:
    result = found(model((FREE, 2, 2)), said([TensorSpec("x", "", (FREE, 4), model_shape=(FREE, 2, 2))]))
    assert (result.inputs[0].shape, result.inputs[0].model_shape) == ((FREE, 4), (FREE, 2, 2))


def test_what_the_file_has_fixed_of_a_reshaped_input_is_fixed_for_clients_too() -> None:
    result = found(model((FREE, 4, 1)), said([TensorSpec("x", "", (FREE, FREE), model_shape=(FREE, FREE, 1))]))
    assert (result.inputs[0].shape, result.inputs[0].model_shape) == ((FREE, 4), (FREE, 4, 1))


def test_an_input_of_no_rank_takes_the_shape_that_is_said() -> None:
    assert found(model(()), said([TensorSpec("x", "", (FREE, 3))])).inputs[0].shape == (FREE, 3)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        (TensorSpec("z", "", ()), "inputs: the model has no 'z'; it has x"),
        (TensorSpec("x", "INT8", ()), "inputs.x.datatype: is FP32 in the file, not INT8"),
        (TensorSpec("x", "", (FREE, 5)), r"inputs.x.shape: is \[-1, 4\] in the file, not \[-1, 5\]$"),
        (
            TensorSpec("x", "", (4,)),
            r"not \[4\]; the batch axis belongs to it, unless a config.pbtxt has a max_batch_size above 0$",
        ),
        (
            TensorSpec("x", "", (FREE, FREE, 4)),
            r"not \[-1, -1, 4\]; leave out the batch axis: a config.pbtxt with a max_batch_size above 0 puts it before",
        ),
        (
            TensorSpec("x", "", (FREE, 4), model_shape=(2, 2)),
            r"inputs.x.reshape: is \[-1, 4\] in the file, not \[2, 2\]",
        ),
    ],
)
def test_what_cannot_be_true_of_the_file_is_refused(override: TensorSpec, says: str) -> None:
    with pytest.raises(ModelInvalid, match=says):
        found(model(), said([override]))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x", r"^1/model.toml: inputs.x.datatype: is FP32 in the file, not INT8$"),
        ("z", "^1/model.toml: inputs: the model has no 'z'"),
    ],
)
def test_a_fault_names_the_file_that_said_it(name: str, says: str) -> None:
    manifest = msgspec.structs.replace(
        said([TensorSpec(name, "INT8", (FREE, 4))]), provenance={f"inputs.{name}": "1/model.toml"}
    )
    with pytest.raises(ModelInvalid, match=says):
        found(model(), manifest)


def test_batching_needs_a_free_first_dimension() -> None:
    with pytest.raises(ModelInvalid, match=r"inputs.x: batching is on, and 'x' of shape \[1, 4\] has no free first"):
        found(model((1, 4)), said(), BATCHED)


@pytest.mark.parametrize(
    "override", [TensorSpec("x", "FP32", (FREE, 4)), TensorSpec("x", "FP32", (FREE, 4), model_shape=(FREE, 2, 2))]
)
def test_a_configuration_frees_no_first_dimension_that_the_file_has_fixed(override: TensorSpec) -> None:
    fixed = model((1, 4) if override.model_shape is None else (1, 2, 2))
    with pytest.raises(ModelInvalid, match=r"^inputs\.x: .* of shape \[1, .* has no free first dimension; export it"):
        found(fixed, said([override]), BATCHED)


def test_alone_an_input_is_told_with_the_sizes_that_the_file_has_fixed() -> None:
    assert found(model((1, FREE)), said([TensorSpec("x", "FP32", (FREE, 7))])).inputs[0].shape == (1, 7)
    assert found(model(out=(1, 2)), said(outputs=[TensorSpec("y", "FP32", (FREE, 2))])).outputs[0].shape == (FREE, 2)


def test_an_output_that_was_traced_with_one_row_is_free_in_a_batched_model() -> None:
    assert found(model(out=(1, 2)), said(), BATCHED).outputs[0].shape == (FREE, 2)


def with_optional(shape: Shape) -> FakeModel:
    made = model()
    made.inputs = (*made.inputs, TensorSpec("bias", "FP32", shape, optional=True))
    return made


@pytest.mark.parametrize(("shape", "offered"), [((FREE, 4), True), ((4,), False), ((), False)])
def test_a_batched_model_offers_no_optional_input_that_has_no_rows(shape: Shape, offered: bool) -> None:
    assert ("bias" in {spec.name for spec in found(with_optional(shape), said(), BATCHED).inputs}) is offered
    assert len(found(with_optional(shape), said(), ALONE).inputs) == 2


def test_an_optional_input_that_is_asked_for_must_have_rows() -> None:
    asked = said(inputs=[TensorSpec("bias", "", (), labels=())])
    with pytest.raises(ModelInvalid, match=r"^inputs\.bias: batching is on"):
        found(with_optional((4,)), asked, BATCHED)
