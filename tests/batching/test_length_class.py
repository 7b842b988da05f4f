"""Lengths in classes."""

from headrace.batching.length_class import class_of, longest_of


def test_a_class_holds_every_length_up_to_its_longest() -> None:
    for length in range(1, 5000):
        assert longest_of(class_of(length) - 1) < length <= longest_of(class_of(length))


def test_no_length_has_a_class_of_its_own() -> None:
    assert class_of(0) == 0 < class_of(1)
    assert longest_of(0) == 0
