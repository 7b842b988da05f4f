"""Numbers are written as protobuf itself writes them."""

from google.protobuf.wrappers_pb2 import UInt64Value
from hypothesis import given
from hypothesis import strategies as st

from headrace.varint import varint


@given(st.integers(1, (1 << 64) - 1))
def test_a_number_is_written_as_in_a_message(value: int) -> None:
    assert b"\x08" + varint(value) == UInt64Value(value=value).SerializeToString()


def test_zero_is_a_byte_of_its_own() -> None:
    assert varint(0) == b"\0"
