"""What says how many copies of a model run side by side must not say two things."""

from typing import Literal

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.overrides import Layer, Overrides, combine
from headrace.repository.side_by_side import check_side_by_side
from headrace.types import Batching


def check(instances: int | None, lanes: Literal["auto", 1, 2] | None) -> None:
    layers = [
        Layer("config.pbtxt", Overrides(instances=instances)),
        Layer("model.toml", Overrides(batching=Batching(lanes=lanes))),
    ]
    check_side_by_side(*combine(layers))


@pytest.mark.parametrize(("instances", "lanes"), [(3, 2), (1, 2), (2, 1)])
def test_lanes_that_are_not_as_many_as_instances_are_refused_with_both_places(
    instances: int, lanes: Literal[1, 2]
) -> None:
    message = rf"model.toml: batching.lanes: says {lanes} .* instances \(config.pbtxt\) says {instances}; leave one"
    with pytest.raises(ModelInvalid, match=message):
        check(instances, lanes)


@pytest.mark.parametrize(("instances", "lanes"), [(2, 2), (1, 1), (3, None), (3, "auto"), (None, 2)])
def test_what_agrees_or_says_one_thing_is_taken(instances: int | None, lanes: Literal["auto", 1, 2] | None) -> None:
    check(instances, lanes)
