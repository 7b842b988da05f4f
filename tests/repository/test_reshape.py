"""Two shapes of one tensor."""

import pytest

from headrace.repository.reshape import same_size
from headrace.types import Shape


@pytest.mark.parametrize(
    ("seen", "inside", "same"),
    [
        ((-1, 4, 4), (-1, 16), True),
        ((-1, 4, 5), (-1, 16), False),
        ((3, -1), (3, 1, -1), True),
        ((2, -1), (-1, 2), False),
        ((-1, -1), (-1, 16), False),
        ((-1, -1), (-1, -1, 1), True),
        ((1,), (), True),
    ],
)
def test_two_shapes_are_of_one_tensor_where_what_is_between_free_dimensions_is_equal(
    seen: Shape, inside: Shape, same: bool
) -> None:
    assert same_size(seen, inside) == same
