"""A model's description is read by type, and what is wrong is refused by name."""

import os
from pathlib import Path

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.fields import LARGEST_JSON, Fields, json_fields, read_json, read_whole

FIELDS = Fields(
    {"n": 3, "x": 0.5, "s": "a", "b": True, "none": None, "in": {"n": -1}, "l": [1, 2.5], "big": 10**400}
    | {"array": np.array([3] * 100, np.int32)},
    "c.json",
)


def test_values_are_read_by_type() -> None:
    assert (FIELDS.integer("n"), FIELDS.number("x"), FIELDS.text("s"), FIELDS.flag("b")) == (3, 0.5, "a", True)
    assert FIELDS.numbers("l") == (1.0, 2.5)


def test_none_counts_as_absent() -> None:
    assert FIELDS.integer("none", 7) == 7
    assert not FIELDS.has("none")


def test_a_whole_number_is_a_number() -> None:
    assert FIELDS.number("n") == 3.0


@pytest.mark.parametrize(
    ("read", "match"),
    [
        (lambda: FIELDS.integer("m"), "c.json: m: is missing"),
        (lambda: FIELDS.integer("x"), "c.json: x: must be a whole number from 1 to"),
        (lambda: FIELDS.integer("b"), "must be a whole number"),
        (lambda: FIELDS.integer("array"), r"must be a whole number from 1 to 2147483648, is \[3, 3, 3, "),
        (lambda: FIELDS.integer("n", low=4), "from 4"),
        (lambda: FIELDS.number("s"), "must be a finite number"),
        (lambda: FIELDS.number("big"), "must be at most"),
        (lambda: FIELDS.text("n"), "must be a text"),
        (lambda: FIELDS.flag("n"), "must be true or false"),
        (lambda: FIELDS.items("n"), "must be a list"),
        (lambda: FIELDS.part("n"), "must be an object"),
        (lambda: FIELDS.part("in").integer("n"), r"c.json: in.n: must be a whole number"),
        (lambda: FIELDS.part("in").positive("n"), "more than 0"),
    ],
)
def test_a_wrong_value_is_refused_by_name(read: "object", match: str) -> None:
    assert callable(read)
    with pytest.raises(ModelInvalid, match=match):
        read()


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ModelInvalid, match=r"a\.json: is not JSON"):
        read_json(tmp_path / "a.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.touch()
    os.truncate(path, LARGEST_JSON + 1)
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json: has more than"):
        read_whole(path)


def test_json_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(ModelInvalid, match=r"a\.json: is not JSON"):
        read_json(tmp_path / "a.json")


def test_a_file_of_fields_holds_an_object(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ModelInvalid, match=r"a\.json: must hold one object"):
        json_fields(tmp_path / "a.json")


def test_a_file_in_a_folder_is_called_by_its_place_there(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"n": "x"}')
    with pytest.raises(ModelInvalid, match=r"^in/a\.json: n: must be a whole number"):
        json_fields(tmp_path / "a.json", "in/a.json").integer("n")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ModelInvalid, match=r"^in/a\.json: is not JSON"):
        json_fields(tmp_path / "a.json", "in/a.json")


def test_an_absent_file_has_no_fields(tmp_path: Path) -> None:
    assert not json_fields(tmp_path / "a.json").has("x")
