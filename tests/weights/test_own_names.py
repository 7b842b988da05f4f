"""What a file calls a tensor is found among the names that its like has."""

import pytest

from headrace.weights.own_names import Canonical, own_part, taken_apart

KNOWN = {"attn.q": "q", "attn.qkv": "qkv", "self.q": "q", "head": "head"}


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        ("embed", Canonical(None, "embed", "weight")),
        ("layers.30.q", Canonical("30", "q", "weight")),
        ("layers.0.q_norm_bias", Canonical("0", "q_norm", "bias")),
    ],
)
def test_a_canonical_name_is_taken_apart(canonical: str, expected: Canonical) -> None:
    assert taken_apart(canonical) == expected


@pytest.mark.parametrize(
    ("used", "expected"),
    [((), "attn.q"), (("self.q",), "self.q"), (("attn.qkv",), "attn.qkv"), (("self.k",), "self.q")],
)
def test_a_part_has_the_name_that_the_file_uses_or_that_goes_with_those(used: tuple[str, ...], expected: str) -> None:
    assert own_part("q", KNOWN, used) == expected
