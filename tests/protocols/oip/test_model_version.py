"""A model is named as clients write it."""

import pytest

from headrace.errors import VersionNotFound
from headrace.protocols.oip.model_version import read_model
from headrace.types import ModelRef


@pytest.mark.parametrize(("version", "number"), [("", None), ("3", 3), ("v10", 10), ("007", 7)])
def test_a_version_is_a_number_with_or_without_a_v(version: str, number: int | None) -> None:
    assert read_model("m", version) == ModelRef("m", number)


@pytest.mark.parametrize("label", ["stable", "canary", "v", "v3-rc.1", "a_b"])
def test_a_label_may_stand_for_a_version(label: str) -> None:
    assert read_model("m", label) == ModelRef("m", None, label)


@pytest.mark.parametrize("version", ["Latest", "-1", "1.0", "_", "x/y", "１", "9" * 19, "1\n"])
def test_what_is_no_number_is_no_version(version: str) -> None:
    with pytest.raises(VersionNotFound, match="versions are numbers"):
        read_model("m", version)
