"""Where rows could be padded is read off the shapes; what the configuration says is held against them."""

from typing import Any

import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.pad_axis import PadChoice, choices, declared
from headrace.types import FREE, Padding, TensorSpec


def tokens(name: str, *symbols: str, datatype: str = "INT64", optional: bool = False) -> TensorSpec:
    return TensorSpec(name, datatype, (FREE,) * len(symbols), optional, symbols=symbols)


TEXT = [tokens("ids", "batch", "seq"), tokens("attention_mask", "batch", "seq"), tokens("types", "batch", "seq")]


def test_inputs_that_share_a_free_dimension_are_padded_together() -> None:
    assert choices(TEXT) == [PadChoice(1, {"ids": 0, "attention_mask": 0, "types": 0}, "attention_mask")]


def test_dimensions_without_names_that_stand_at_one_place_are_taken_for_one() -> None:
    specs = [TensorSpec(name, "INT64", (FREE, FREE)) for name in ("ids", "mask")]
    assert choices(specs) == [PadChoice(1, {"ids": 0, "mask": 0}, "mask")]


def test_dimensions_of_other_names_are_other_choices_those_with_a_mask_first() -> None:
    specs = [tokens("x", "batch", "m"), tokens("ids", "batch", "n"), tokens("mask", "batch", "n")]
    assert choices(specs) == [PadChoice(1, {"ids": 0, "mask": 0}, "mask"), PadChoice(1, {"x": 0})]


@pytest.mark.parametrize(
    "specs",
    [
        [TensorSpec("x", "FP32", (FREE, 4))],
        [tokens("words", "batch", "n", datatype="BYTES")],
        [tokens("pixels", "batch", "channels", "height", "width")],
        [tokens("x", "batch", "n"), tokens("pairs", "batch", "n", "n")],
    ],
    ids=["nothing free", "strings", "images", "twice the same"],
)
def test_what_cannot_be_padded_unasked_is_no_choice(specs: list[TensorSpec]) -> None:
    assert choices(specs) == []


def test_images_with_a_mask_are_a_choice() -> None:
    specs = [tokens("pixels", "b", "c", "h", "w"), TensorSpec("pixel_mask", "INT64", (FREE, 3, FREE, 8), symbols=())]
    assert choices(specs) == [PadChoice(2, {"pixel_mask": 0}, "pixel_mask")]


def test_the_configuration_says_values_and_the_rest_is_zeros() -> None:
    said = Padding(1, {"ids": 1}, "attention_mask")
    assert declared(TEXT, said) == PadChoice(1, {"ids": 1, "attention_mask": 0, "types": 0}, "attention_mask")


def test_an_axis_alone_takes_all_inputs_that_have_it_free_and_must_be_given() -> None:
    specs = [tokens("x", "b", "n"), TensorSpec("y", "FP32", (FREE, 4)), tokens("z", "b", "n", optional=True)]
    assert declared(specs, Padding(1)) == PadChoice(1, {"x": 0})


def test_inputs_whose_dimension_has_another_name_keep_it() -> None:
    specs = [tokens("x", "b", "n"), tokens("y", "b", "m")]
    assert declared(specs, Padding(1, {"x": 0})).values == {"x": 0}


def test_a_mask_that_marks_the_padding_is_padded_with_what_the_values_say() -> None:
    assert declared(TEXT, Padding(1, {"attention_mask": 1}, "attention_mask")).values["attention_mask"] == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"values": {"id": 0}},
            "batching.pad.values.id: the model has no input 'id'; it has ids, attention_mask, types",
        ),
        ({"mask": "m"}, "batching.pad.mask: the model has no input 'm'; it has ids, attention_mask, types"),
        ({"values": {"ids": 0.5}}, "batching.pad.values.ids: input 'ids': INT64 cannot hold 0.5"),
        ({"axis": 2, "values": {"ids": 0}}, "batching.pad.axis: input 'ids' has 2 dimensions, the first is 0"),
        ({"axis": 2}, "batching.pad.axis: no input has a free dimension 2"),
    ],
)
def test_a_fault_of_the_configuration_is_told_with_its_key(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelInvalid) as caught:
        declared(TEXT, Padding(**{"axis": 1, **said}))
    assert str(caught.value) == message


def test_a_fixed_dimension_cannot_be_padded() -> None:
    with pytest.raises(ModelInvalid, match="dimension 1 of input 'x' is fixed at 4: its rows have one length"):
        declared([TensorSpec("x", "FP32", (FREE, 4))], Padding(1, {"x": 0}))


def test_strings_cannot_be_padded() -> None:
    with pytest.raises(ModelInvalid, match="input 'words': BYTES cannot hold 0"):
        declared([tokens("words", "b", "n", datatype="BYTES")], Padding(1, {"words": 0}))
