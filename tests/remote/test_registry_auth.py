"""What a registry demands, and what the environment has for it."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.remote.faults import RemoteFault
from headrace.remote.registry_auth import Demand, basic_for, demand_of, token_of

BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


def test_a_demand_says_where_tokens_are_had_and_for_what() -> None:
    header = 'Bearer realm="https://auth.io/token",service="registry.io",scope="repository:a/b:pull,push"'
    demand = demand_of(header)
    assert demand == Demand(True, "https://auth.io/token", "registry.io", "repository:a/b:pull,push")
    assert demand.token_url("a/b") == (
        "https://auth.io/token?service=registry.io&scope=repository%3Aa%2Fb%3Apull%2Cpush"
    )


def test_where_it_says_no_scope_the_one_that_is_needed_is_asked_for() -> None:
    assert demand_of('bearer realm="http://t?a=b"').token_url("a/b") == "http://t?a=b&scope=repository%3Aa%2Fb%3Apull"
    assert demand_of('Basic realm="x, y"') == Demand(False, "x, y")


@pytest.mark.parametrize("header", ["", "Negotiate", "Digest realm=x"])
def test_a_way_that_is_not_spoken_is_a_fault(header: str) -> None:
    with pytest.raises(RemoteFault, match="not spoken here"):
        demand_of(header)


def test_a_realm_that_is_no_address_is_a_fault() -> None:
    with pytest.raises(RemoteFault, match="no place for tokens"):
        demand_of('Bearer realm="file:///etc/passwd"').token_url("a")


@given(st.text())
def test_whatever_is_demanded_is_read_or_a_fault(text: str) -> None:
    try:
        demand_of(text)
    except RemoteFault:
        pass


@pytest.mark.parametrize("content", [b'{"token": "t"}', b'{"access_token": "t", "expires_in": 60}'])
def test_a_token_has_either_name(content: bytes) -> None:
    assert token_of(content) == "t"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"token": 3}', b'{"token": "a\\r\\nb"}'])
def test_an_answer_without_a_token_is_a_fault(content: bytes) -> None:
    with pytest.raises(RemoteFault, match="without one"):
        token_of(content)


AUTHS = {"r.io": {"auth": BASIC.removeprefix("Basic ")}, "https://s.io": {"username": "me", "password": "secret"}}


@pytest.mark.parametrize("variable", ["DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"])
def test_credentials_are_where_the_environment_says(tmp_path: Path, variable: str) -> None:
    text = json.dumps({"auths": AUTHS})
    (tmp_path / "config.json").write_text(text)
    named = {
        "DOCKER_AUTH_CONFIG": text,
        "REGISTRY_AUTH_FILE": str(tmp_path / "config.json"),
        "DOCKER_CONFIG": str(tmp_path),
    }
    environment = {variable: named[variable]}
    assert [basic_for(each, environment) for each in ("r.io", "s.io", "t.io")] == [BASIC, BASIC, ""]
    assert basic_for("r.io", {}) == ""


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"r.io": {"auth": "not base64!"}}}', '{"auths": {"r.io": 1}}'])
def test_credentials_that_cannot_be_read_are_a_fault_that_does_not_repeat_them(text: str) -> None:
    with pytest.raises(RemoteFault, match="DOCKER_AUTH_CONFIG cannot be read; it should be as") as fault:
        basic_for("r.io", {"DOCKER_AUTH_CONFIG": text})
    assert "not base64" not in str(fault.value)


def test_a_file_of_credentials_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(RemoteFault, match="which REGISTRY_AUTH_FILE names, cannot be read"):
        basic_for("r.io", {"REGISTRY_AUTH_FILE": str(tmp_path / "none")})
