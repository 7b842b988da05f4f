"""What msgspec finds wrong is said as people say it."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from headrace.type_faults import in_words


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (int, "2", "expected an integer, got a string"),
        (float | None, [], "expected a number or null, got an array"),
        (Annotated[float, Meta(gt=0, le=60)], 61, "must be at most 60"),
        (Annotated[float, Meta(gt=0, le=60)], 0, "must be above 0"),
        (Annotated[float, Meta(ge=0.01, lt=3_024_000)], 0, "must be at least 0.01"),
        (Annotated[float, Meta(ge=0.01, lt=3_024_000)], 1e9, "must be below 3,024,000"),
        (Annotated[int, Meta(le=2**63 - 2)], 2**63 - 1, "must be at most 9223372036854775806"),
        (Annotated[str, Meta(max_length=2)], "abc", "has more than 2 characters, the most that are taken"),
        (Annotated[list[int], Meta(max_length=1)], [1, 2], "has more than 1 element, the most that are taken"),
        (Annotated[list[int], Meta(min_length=1)], [], "must have at least 1 element"),
        (Annotated[dict[str, int], Meta(min_length=2)], {"a": 1}, "must have at least 2 entries"),
        (Annotated[str, Meta(pattern="^a")], "b", "Expected `str` matching regex '^a'"),
    ],
)
def test_a_fault_is_told_in_words(kind: Any, value: object, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(value), type=kind)
    assert in_words(str(refused.value)) == said
