"""Which names are the server's own."""

import pytest

from headrace.protocols.watch.own_name import host_name, is_own


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Models.Example.org.:443", "models.example.org"),
        ("localhost", "localhost"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("[::1]:8000", "::1"),
        ("", ""),
    ],
)
def test_a_name_stands_without_its_port(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "127.0.0.1", "::1", "192.168.1.5", "::ffff:127.0.0.1"])
def test_addresses_and_names_of_loopback_are_its_own(name: str) -> None:
    assert is_own(name)


@pytest.mark.parametrize("name", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.1"])
def test_others_are_not(name: str) -> None:
    assert not is_own(name)
