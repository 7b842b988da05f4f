"""Every way to hold weights has its size."""

from typing import get_args

from headrace.graphs.linear import Form
from headrace.runtimes.held_bytes import HELD_BYTES
from headrace.runtimes.openvino_plan import Asked


def test_every_way_to_hold_weights_has_its_size() -> None:
    assert set(HELD_BYTES) == {*get_args(Asked), *get_args(Form)}
