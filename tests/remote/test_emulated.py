"""Azure's and Google's stores, by programs that speak as they do, over a network that is cut."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.remote.address import parse_address
from headrace.remote.faults import Changed, RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.mirror import Mirror
from headrace.remote.store import CHUNK_BYTES, ObjectStore
from tests.remote.emulators import CONTAINER, EMULATORS, Emulated
from tests.remote.proxy import Proxy

CONTENT = bytes(range(256)) * 1024


class Reached:
    """One store as it is reached over a network."""

    def __init__(self, emulated: Emulated, proxy: Proxy) -> None:
        self.scheme = emulated.scheme
        self.put = emulated.put
        self.proxy = proxy
        self.store = self.at(f"{CONTAINER}/models")

    def at(self, place: str) -> ObjectStore:
        return ObjectStore(parse_address(f"{self.scheme}://{place}"), os.environ)

    async def model(self) -> RemoteFile:
        return next(file for file in await self.store.files() if file.path == "m/1/model.onnx")

    async def read(self, file: RemoteFile, start: int = 0) -> bytes:
        return b"".join([chunk async for chunk in self.store.read(file, start)])


@pytest.fixture(scope="module", params=EMULATORS)
def emulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with EMULATORS[request.param](tmp_path_factory.mktemp(request.param)) as made:
        made.put("modelsbeside/x", b"x")
        yield made


@pytest.fixture
def reached(emulated: Emulated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reached]:
    emulated.put("models/m/1/model.onnx", CONTENT)
    with Proxy(emulated.server) as proxy:
        for name, value in emulated.environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield Reached(emulated, proxy)


async def test_a_container_tells_what_it_holds_below_the_path(reached: Reached) -> None:
    (file,) = await reached.store.files()
    assert (file.path, file.size, bool(file.etag)) == ("m/1/model.onnx", len(CONTENT), True)


async def test_an_object_is_read_from_any_byte_on(reached: Reached) -> None:
    file = await reached.model()
    assert await reached.read(file) == CONTENT
    assert await reached.read(file, 1000) == CONTENT[1000:]


async def test_an_object_that_was_replaced_is_not_read(reached: Reached) -> None:
    file = await reached.model()
    reached.put("models/m/1/model.onnx", CONTENT[::-1])
    with pytest.raises(Changed):
        await reached.read(file, 1000)


async def test_an_object_that_is_gone_has_changed(reached: Reached) -> None:
    with pytest.raises(Changed):
        await reached.read(RemoteFile("m/2/model.onnx", 1))


async def test_a_network_that_is_down_is_said_with_who_does_not_answer(reached: Reached) -> None:
    reached.proxy.cut()
    with pytest.raises(RemoteFault, match=rf"127.0.0.1:{reached.proxy.port} does not answer"):
        await reached.store.files()


async def test_a_container_that_is_not_there_is_said(reached: Reached) -> None:
    reason = {"az": "there is no such bucket or container", "gs": "Generic GCS error"}  # the latter is told 500
    with pytest.raises(RemoteFault, match=rf"{reached.scheme}://none/models: {reason[reached.scheme]}"):
        await reached.at("none/models").files()


async def test_a_download_that_is_cut_leaves_nothing_half_and_goes_on(reached: Reached, tmp_path: Path) -> None:
    large = CONTENT * 24
    reached.put("models/m/1/model.onnx", large)
    mirror = Mirror(reached.store, tmp_path, "models", settle_s=0)
    mirror.open()
    reached.proxy.left = CHUNK_BYTES + 1_000_000
    assert (await mirror.sync(settled=True)).faults
    assert not any(mirror.path.rglob("*.onnx"))
    reached.proxy.mend()
    reached.proxy.sent = 0
    assert not (await mirror.sync(settled=True)).faults
    assert (mirror.path / "m" / "1" / "model.onnx").read_bytes() == large
    assert reached.proxy.sent < len(large) - 1_000_000
    mirror.close()
