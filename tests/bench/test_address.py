"""Where the server is."""

import pytest

from headrace.bench.address import Address, Protocol, parse_address


@pytest.mark.parametrize(
    ("url", "protocol", "address"),
    [
        ("http://127.0.0.1:8000", "http", Address("127.0.0.1", 8000)),
        ("127.0.0.1:8000/", "http", Address("127.0.0.1", 8000)),
        ("https://models.example/a/", "chat", Address("models.example", 443, True, "/a")),
        ("grpc://[::1]:8001", "grpc", Address("::1", 8001)),
        ("grpcs://host:8001", "grpc", Address("host", 8001, True)),
    ],
)
def test_an_address_is_read(url: str, protocol: Protocol, address: Address) -> None:
    assert parse_address(url, protocol) == address


@pytest.mark.parametrize(
    ("url", "protocol", "message"),
    [
        ("ftp://host", "http", "--protocol http asks at http:// or https://"),
        (
            "http://127.0.0.1:8001",
            "grpc",
            "--protocol grpc asks at grpc:// or grpcs://; write it like grpc://127.0.0.1:8001",
        ),
        ("http://host:99999", "http", "Port out of range"),
        ("http://", "http", "is not an address; write it like http://127.0.0.1:8000"),
        ("http://host/?a=b", "http", "is not an address"),
        ("grpc://host", "grpc", "an address of gRPC is a host and a port"),
    ],
)
def test_what_is_no_address_is_told_with_one_that_is(url: str, protocol: Protocol, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_address(url, protocol)
    assert message in str(refused.value)


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert Address("::1", 80).netloc == "[::1]:80"
