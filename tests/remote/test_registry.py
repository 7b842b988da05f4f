"""Artefacts in registries: a real one, and one that asks for tokens."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.remote.address import parse_address
from headrace.remote.faults import Changed, NoRange, RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.registry import Registry
from tests.remote.answering import answering
from tests.remote.registries import CREDENTIALS, Pushed, WithTokens, debian, manifest_of, sha256

CONTENT = bytes(range(256)) * 4096
FILES = {"m/1/model.onnx": CONTENT, "m/model.toml": b""}
LISTED = [RemoteFile(title, len(content), sha256=sha256(content)[7:]) for title, content in FILES.items()]


def at(host: str, reference: str = ":v1", auths: object = None) -> Registry:
    environment = {} if auths is None else {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {host: auths}})}
    return Registry(parse_address(f"oci://{host}/a/b{reference}"), environment)


async def read(store: Registry, file: RemoteFile, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in store.read(file, start)])


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    with debian(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


async def test_a_real_registry_tells_what_an_artefact_holds_by_tag_and_by_digest(real: Pushed) -> None:
    digest = real.push("a/b", "v1", FILES)
    for reference in (":v1", f"@{digest}"):
        assert await at(real.host, reference).files() == LISTED


async def test_a_real_registry_gives_a_file_from_any_byte_on(real: Pushed) -> None:
    real.push("a/b", "v1", FILES)
    store = at(real.host)
    assert await read(store, LISTED[0]) == CONTENT
    assert await read(store, LISTED[0], 1000) == CONTENT[1000:]
    with pytest.raises(Changed):
        await read(store, RemoteFile("m/2/model.onnx", 1, sha256="0" * 64))


async def test_a_tag_that_is_not_there_is_a_fault(real: Pushed) -> None:
    with pytest.raises(RemoteFault, match=r"a/b:v9: there is no such artefact \(404\); see to the address and its tag"):
        await at(real.host, ":v9").files()


async def test_a_real_registry_that_wants_a_password_gets_it(tmp_path: Path) -> None:
    with debian(tmp_path, secured=True) as registry:
        registry.push("a/b", "v1", FILES)
        store = at(registry.host, auths=CREDENTIALS)
        assert await store.files() == LISTED
        assert await read(store, LISTED[0]) == CONTENT
        for auths in (None, {"username": "me", "password": "wrong"}):
            with pytest.raises(
                RemoteFault, match=r"does not show it \(401\); have credentials for .* DOCKER_AUTH_CONFIG"
            ):
                await at(registry.host, auths=auths).files()


async def test_a_token_is_asked_for_once_and_again_when_it_is_no_good_any_more() -> None:
    registry = WithTokens(FILES, uses=2)
    with answering(registry) as web:
        registry.host = web.host
        store = at(web.host)
        assert await store.files() == LISTED
        assert await read(store, LISTED[0]) == CONTENT
        assert registry.tokens == 1
        assert await read(store, LISTED[0], 5) == CONTENT[5:]
        assert registry.tokens == 2
    asked = next(each.path for each in web.asked if each.path.startswith("/token"))
    assert asked == "/token?service=here&scope=repository%3Aa%2Fb%3Apull"


async def test_a_token_for_a_password_is_had_by_who_has_it() -> None:
    registry = WithTokens(FILES)
    registry.needs_password = True
    with answering(registry) as web:
        registry.host = web.host
        assert await at(web.host, auths=CREDENTIALS).files() == LISTED
        with pytest.raises(RemoteFault, match=r"does not show it \(401\)"):
            await at(web.host).files()


async def test_a_manifest_that_is_not_what_its_digest_means_is_not_taken() -> None:
    registry = WithTokens(FILES)
    told = sha256(registry.manifest)
    with answering(registry) as web:
        registry.host = web.host
        store = at(web.host, f"@{told}")
        registry.manifest = manifest_of({"other": b"x"})
        with pytest.raises(RemoteFault, match="no such artefact"):  # it knows no digests
            await store.files()


async def test_a_registry_without_ranges_says_so() -> None:
    registry = WithTokens(FILES, ranges=False)
    with answering(registry) as web:
        registry.host = web.host
        store = at(web.host)
        await store.files()
        with pytest.raises(NoRange):
            await read(store, LISTED[0], 5)


@pytest.mark.parametrize(("host", "scheme"), [("localhost:5000", "http"), ("127.0.0.1", "http"), ("r.io", "https")])
def test_only_this_machine_is_asked_without_tls(host: str, scheme: str) -> None:
    assert at(host)._url == f"{scheme}://{host}/v2/a/b"
