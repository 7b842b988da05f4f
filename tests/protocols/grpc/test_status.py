"""Statuses and metadata as headers."""

from urllib.parse import unquote

import pytest
from hpack.hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.grpc.status import alike, read_value, status_block


def headers(block: bytes) -> dict[bytes, bytes]:
    return {bytes(name): bytes(value) for name, value in Decoder().decode(block, raw=True)}


def test_a_good_end_has_a_status_and_no_words() -> None:
    assert headers(status_block(0)) == {b"grpc-status": b"0"}


@given(st.text())
def test_words_are_percent_encoded(details: str) -> None:
    found = headers(status_block(5, details)).get(b"grpc-message", b"")
    assert all(0x20 <= byte <= 0x7E for byte in found)
    assert unquote(found.decode()) == details.encode(errors="replace").decode()


@given(st.binary())
def test_bytes_travel_as_base64(value: bytes) -> None:
    coded = headers(status_block(0, "", [("x-bin", value)]))[b"x-bin"]
    assert read_value(b"x-bin", coded) == [value]


def test_trailers_that_are_no_text_of_http_lose_what_is_not() -> None:
    assert headers(status_block(0, "", [("X-Word", "a\r\nb")]))[b"x-word"] == b"a??b"


def test_metadata_of_several_calls_is_coded_once_as_that_of_one_would_be() -> None:
    metadata = (("x-batch-size", "4"), ("x-batch-reason", "full"))
    assert alike(metadata).metadata == metadata
    assert status_block(0) + alike(metadata).block == status_block(0, "", metadata)


def test_several_values_of_bytes_may_come_as_one() -> None:
    assert read_value(b"x-bin", b"YQ==, Yg") == [b"a", b"b"]


def test_text_is_text() -> None:
    assert read_value(b"x", b"a,b") == ["a,b"]


@pytest.mark.parametrize("value", [b"!", b"YQ==YQ", b"Y"])
def test_what_is_no_base64_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="x-bin is not base64"):
        read_value(b"x-bin", value)
