"""The tables of families fit each other."""

from headrace.weights.hf_families import DEFAULTS, FAMILIES, NESTED


def test_every_kind_of_model_has_its_defaults() -> None:
    assert DEFAULTS.keys() == FAMILIES.keys()


def test_models_inside_others_are_known() -> None:
    assert set(NESTED.values()) <= FAMILIES.keys()
