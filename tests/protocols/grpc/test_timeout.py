"""grpc-timeout, as the protocol writes it."""

import pytest

from headrace.protocols.grpc.timeout import read_timeout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"1H", 3600),
        (b"2M", 120),
        (b"3S", 3),
        (b"250m", 0.25),
        (b"5u", 5e-6),
        (b"7n", 7e-9),
        (b"0S", 0),
        (b"99999999S", 99999999),
    ],
)
def test_each_unit_is_read(text: bytes, seconds: float) -> None:
    assert read_timeout(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"S", b"5", b"-1S", b"1.5S", b"123456789S", b"1s", b"1S ", b"\xb2S"])
def test_what_is_no_timeout_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="grpc-timeout has up to eight digits"):
        read_timeout(text)
