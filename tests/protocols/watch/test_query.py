"""Numbers in a question's parameters."""

import pytest
from starlette.requests import Request

from headrace.errors import InvalidRequest
from headrace.protocols.watch.query import limit_of, only, whole


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_a_parameter_that_is_not_known_is_refused_by_its_name_and_what_is_known_is_said() -> None:
    assert only(asked("limit=3&model=m"), "model", "limit")["model"] == "m"
    with pytest.raises(InvalidRequest, match="is not known here; there is `model` and `limit`") as caught:
        only(asked("limit=3&modle=m"), "model", "limit")
    assert caught.value.where == "modle"
    with pytest.raises(InvalidRequest, match="there is none"):
        only(asked("limit=3"))


def test_a_number_within_its_bounds_is_taken() -> None:
    assert whole("7", "steps", 1, 7) == 7
    assert limit_of(asked("limit=3"), 10) == 3
    assert limit_of(asked(""), 1000) == 100


@pytest.mark.parametrize("said", ["", "0", "8", "-1", "1.5", "\u0663", "9" * 30])
def test_any_other_is_refused_by_its_name(said: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a whole number from 1 to 7") as caught:
        whole(said, "steps", 1, 7)
    assert caught.value.where == "steps"


@pytest.mark.parametrize("said", ["0", "11", "many", "1e1"])
def test_so_is_a_limit(said: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a number from 1 to 10") as caught:
        limit_of(asked(f"limit={said}"), 10)
    assert caught.value.where == "limit"
