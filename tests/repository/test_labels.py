"""Which words are labels."""

import pytest

from headrace.repository.labels import is_label


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("stable", True),
        ("a", True),
        ("v", True),
        ("v1-rc", True),
        ("v1", False),
        ("V", False),
        ("1", False),
        ("", False),
    ],
)
def test_a_label_is_told_from_a_version(text: str, is_one: bool) -> None:
    assert is_label(text) == is_one
