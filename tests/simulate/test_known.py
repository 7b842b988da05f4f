"""Times of a model as text."""

import json

import pytest

from headrace.simulate.known import read_known
from tests.simulate.models import kept


def test_the_file_that_a_server_keeps_is_read() -> None:
    assert read_known(json.dumps(kept())).latency == kept()


def test_what_a_server_tells_is_read() -> None:
    told = read_known(
        json.dumps({"model_name": "m", "model_version": "1", "max_size": 16, "instances": 2, "latency": kept()})
    )
    assert (told.model_name, told.max_size, told.instances) == ("m", 16, 2)


@pytest.mark.parametrize(("alone", "times"), [(None, 1.0), (0.0, 1.0), (0.6931, 2.0)])
def test_it_tells_how_slow_the_machine_was_then(alone: float | None, times: float) -> None:
    assert read_known(json.dumps(kept() | {"alone": alone})).slowed == pytest.approx(times, rel=1e-3)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"latency": {}}', '{"knots": []}', '{"latency": {"form": 1}}'])
def test_anything_else_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="not the times of a model"):
        read_known(text)


def test_numbers_beyond_all_others_are_said_to_be_none() -> None:
    huge = kept() | {"knots": [[0, 0, float("inf"), 1.0]]}
    with pytest.raises(ValueError, match="not the times of a model"):
        read_known(json.dumps(huge))
