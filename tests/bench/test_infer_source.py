"""Requests for tensor models, made ahead of time."""

from collections.abc import Sequence

from headrace.arrivals import Arrival
from headrace.bench.infer_source import DEFAULT_LENGTH, VARIANTS, InferSource
from headrace.types import Tensor, TensorSpec

SPECS = [TensorSpec("x", "FP32", (-1, -1))]


class Encoded:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, tensors: Sequence[Tensor], tenant: str) -> tuple[bytes, bytes]:
        self.count += 1
        return f"{tenant} {tensors[0].shape}".encode(), bytes(tensors[0].data)


def test_what_is_prepared_is_not_encoded_again() -> None:
    encode = Encoded()
    source = InferSource(SPECS, encode, tenant="", seed=0)
    arrivals = [Arrival(0.0, rows, length) for rows in (1, 2) for length in (3, 9)]
    source.prepare(arrivals * 5)
    assert encode.count == 4 * VARIANTS
    made = [source.make(arrival) for arrival in arrivals]
    assert encode.count == 4 * VARIANTS
    assert [each.head for each in made] == [b" (1, 3)", b" (1, 9)", b" (2, 3)", b" (2, 9)"]
    assert (made[3].rows, made[3].length) == (2, 9)


def test_requests_of_one_size_differ_in_what_they_hold() -> None:
    source = InferSource(SPECS, Encoded(), tenant="", seed=0)
    assert len({source.make(Arrival(0.0)).body for _ in range(VARIANTS)}) == VARIANTS
    assert source.make(Arrival(0.0)).head == f" (1, {DEFAULT_LENGTH})".encode()


def test_an_arrival_s_tenant_goes_before_everybody_s() -> None:
    source = InferSource(SPECS, Encoded(), tenant="blue", seed=0)
    assert source.make(Arrival(0.0, tenant="red")).tenant == "red"
    assert source.make(Arrival(0.0)).tenant == "blue"


def test_inputs_that_are_given_are_sent_as_they_are() -> None:
    given = [Tensor("x", "FP32", (3, 2), bytes(24))]
    encode = Encoded()
    source = InferSource(SPECS, encode, tenant="", seed=0, given=given)
    made = [source.make(Arrival(0.0)) for _ in range(4)]
    assert encode.count == 1
    assert (made[0].rows, made[0].body) == (3, bytes(24))
