"""Real stores, over a network that is slow or cut."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.remote.address import parse_address
from headrace.remote.faults import Changed, NoRange, RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.store import ObjectStore, explain, is_same
from tests.remote.proxy import Proxy
from tests.remote.servers import S3, Bucket, Simple, s3, web, write_index

CONTENT = bytes(range(256)) * 1024


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with s3() as server:
        made = Bucket(server, "bucket")
        made.put("models/m/1/model.onnx", CONTENT)
        made.put("models/m/", b"")
        made.put("modelsbeside/x", b"x")
        yield made


@pytest.fixture
def proxy(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name, value in S3.items():
        monkeypatch.setenv(name, value)
    with Proxy(bucket.server) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


@pytest.fixture
def store(proxy: Proxy) -> ObjectStore:
    return at("s3://bucket/models")


def at(address: str) -> ObjectStore:
    return ObjectStore(parse_address(address), os.environ)


async def read(store: ObjectStore, file: RemoteFile, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in store.read(file, start)])


async def model(store: ObjectStore) -> RemoteFile:
    return next(file for file in await store.files() if file.path == "m/1/model.onnx")


async def test_a_bucket_tells_what_it_holds_below_the_path(store: ObjectStore) -> None:
    etag = f'"{hashlib.md5(CONTENT).hexdigest()}"'
    empty = f'"{hashlib.md5(b"").hexdigest()}"'
    listed = sorted(await store.files(), key=lambda file: file.path)
    assert listed == [RemoteFile("m", 0, empty), RemoteFile("m/1/model.onnx", len(CONTENT), etag)]


async def test_an_object_is_read_from_any_byte_on(store: ObjectStore) -> None:
    file = await model(store)
    assert await read(store, file) == CONTENT
    assert await read(store, file, 1000) == CONTENT[1000:]


async def test_an_object_that_was_replaced_is_not_read(store: ObjectStore) -> None:
    with pytest.raises(Changed):
        await read(store, RemoteFile("m/1/model.onnx", len(CONTENT), '"other"'), 1000)


@pytest.mark.parametrize(
    ("listed", "given", "same"),
    [
        ('"a"', '"a"', True),
        ("0x1E", '"0x1E"', True),
        ('"a"', 'W/"a"', True),
        ("", '"a"', True),
        ('"a"', "", True),
        ('"a"', '"b"', False),
    ],
)
def test_tags_are_compared_as_far_as_they_are_there(listed: str, given: str, same: bool) -> None:
    assert is_same(listed, given) == same


async def test_an_object_that_is_gone_has_changed(store: ObjectStore) -> None:
    with pytest.raises(Changed):
        await read(store, RemoteFile("m/2/model.onnx", 1))


async def test_a_connection_that_is_cut_in_the_middle_is_a_fault(store: ObjectStore, proxy: Proxy) -> None:
    file = await model(store)
    proxy.left = 100_000
    with pytest.raises(RemoteFault, match="does not answer, or was cut off"):
        await read(store, file)
    proxy.mend()
    assert await read(store, file) == CONTENT


async def test_a_network_that_is_down_is_said_with_who_does_not_answer(store: ObjectStore, proxy: Proxy) -> None:
    proxy.cut()
    with pytest.raises(RemoteFault, match=rf"s3://bucket/models: 127.0.0.1:{proxy.port} does not answer"):
        await store.files()


async def test_a_bucket_that_is_not_there_is_said(proxy: Proxy) -> None:
    with pytest.raises(RemoteFault, match=r"s3://none/models: there is no such bucket"):
        await at("s3://none/models").files()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.onnx").write_bytes(CONTENT)
    write_index(tmp_path)
    return tmp_path


async def test_a_web_server_tells_what_it_holds_by_its_index(site: Path) -> None:
    with web(site) as (host, port):
        store = at(f"http://{host}:{port}")
        (file,) = await store.files()
        assert file == RemoteFile("m/1/model.onnx", len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
        assert await read(store, file) == CONTENT
        assert await read(store, file, 1000) == CONTENT[1000:]


async def test_a_web_server_without_an_index_is_told_what_is_missing(tmp_path: Path) -> None:
    with web(tmp_path) as (host, port):
        store = at(f"http://{host}:{port}/models")
        with pytest.raises(RemoteFault, match=r"/models/index.json is not there; a web server has to say in it"):
            await store.files()


async def test_a_web_server_that_knows_no_ranges_is_known_by_that(site: Path) -> None:
    with web(site, Simple) as (host, port):
        store = at(f"http://{host}:{port}")
        (file,) = await store.files()
        with pytest.raises(NoRange):
            await read(store, file, 1000)
        assert await read(store, file) == CONTENT


async def test_a_file_of_another_size_than_its_index_says_has_changed(site: Path) -> None:
    (site / "m" / "1" / "model.onnx").write_bytes(CONTENT[1:])
    with web(site) as (host, port):
        store = at(f"http://{host}:{port}")
        (file,) = await store.files()
        with pytest.raises(Changed, match="has 262143 bytes and should have 262144"):
            await read(store, file)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Error performing PUT http://169.254.169.254/latest/api/token in 1s - 403",
            "no credentials in the environment",
        ),
        ("Generic MicrosoftAzure error: Account must be specified\n\nDebug source:\n...", "no credentials"),
        ("status code: 403 Forbidden: <Code>AccessDenied</Code>", "access is denied; allow listing and reading"),
        ("status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code>", "are not accepted; set AWS_ACCESS_KEY_ID"),
        ("status code: 404 Not Found", "it is not there"),
        ("something\n else\n\nDebug source:\nlong", "s3://b: something else"),
    ],
)
def test_what_a_library_says_becomes_what_to_do(message: str, told: str) -> None:
    assert told in explain(message, parse_address("s3://b"))


@pytest.mark.parametrize("address", ["gs://bucket/models", "s3://bucket"])
def test_a_store_of_each_kind_can_be_made_without_asking_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    at(address)


def test_azure_asks_for_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(RemoteFault, match="set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"):
        at("az://container/models")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "me")
    at("az://container/models")
