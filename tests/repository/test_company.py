"""A delay for company is no use to a model whose requests have none."""

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.company import check_company
from headrace.repository.overrides import Layer, Overrides, combine
from headrace.types import Batching


def check(batching: Batching, triton_ms: float | None = None) -> None:
    layers = [
        Layer("model.toml", Overrides(batching=batching)),
        Layer("config.pbtxt", Overrides(batching=Batching(max_delay_ms=triton_ms))),
    ]
    check_company(*combine(layers))


def test_a_delay_that_nothing_waits_for_is_refused_with_both_places() -> None:
    message = r'model.toml: batching.max_delay_ms: has no effect, .* policy = "none" \(model.toml\)'
    with pytest.raises(ModelInvalid, match=message):
        check(Batching(policy="none", max_delay_ms=5))


@pytest.mark.parametrize(
    "batching", [Batching(policy="none"), Batching(policy="none", max_delay_ms=0.0), Batching(max_delay_ms=5)]
)
def test_what_agrees_is_taken(batching: Batching) -> None:
    check(batching)


def test_what_another_server_was_told_is_set_aside() -> None:
    check(Batching(policy="none"), 5)
