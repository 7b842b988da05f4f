"""Models of the hub out of a folder, in either layout."""

import hashlib
import os
from pathlib import Path

import pytest

from headrace.remote.address import parse_address
from headrace.remote.faults import Changed, RemoteFault
from headrace.remote.hub_folder import HubFolder
from headrace.remote.listing import RemoteFile
from tests.remote.test_hub import COMMIT, CONFIG, WEIGHTS, git

SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


def at(folder: Path, address: str = "hf://org/model") -> HubFolder:
    return HubFolder(parse_address(address), folder)


async def read(store: HubFolder, file: RemoteFile, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in store.read(file, start)])


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """As `hf download` leaves it."""
    model = tmp_path / "models--org--model"
    snapshot = model / "snapshots" / COMMIT
    for folder in (snapshot / "onnx", model / "blobs", model / "refs"):
        folder.mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    for name, blob, content in (
        ("config.json", git(CONFIG), CONFIG),
        ("onnx/model.onnx", SHA256, WEIGHTS),
        ("pytorch_model.bin", SHA256, WEIGHTS),
    ):
        (model / "blobs" / blob).write_bytes(content)
        (snapshot / name).symlink_to(model / "blobs" / blob)
    return tmp_path


async def test_the_hub_s_cache_tells_each_file_with_its_digest(cache: Path) -> None:
    expected = [
        RemoteFile("config.json", len(CONFIG), f"git:{git(CONFIG)}"),
        RemoteFile("onnx/model.onnx", len(WEIGHTS), sha256=SHA256),
    ]
    for address in ("hf://org/model", f"hf://org/model@{COMMIT}"):
        store = at(cache, address)
        assert sorted(await store.files(), key=lambda file: file.path) == expected
    assert await read(store, expected[1], 1000) == WEIGHTS[1000:]


async def test_a_plain_folder_tells_when_a_file_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "org" / "model"
    (folder / ".cache").mkdir(parents=True)
    (folder / ".cache" / "x").write_bytes(b"x")
    (folder / "config.json").write_bytes(CONFIG)
    store = at(tmp_path)
    (file,) = await store.files()
    assert (file.path, file.size) == ("config.json", len(CONFIG))
    assert await read(store, file) == CONFIG
    os.utime(folder / "config.json", ns=(0, 1))
    assert not (await store.files())[0].same(file)
    (folder / "config.json").write_bytes(b"")
    with pytest.raises(Changed):
        await read(store, file)
    (folder / "config.json").unlink()
    with pytest.raises(Changed):
        await read(store, file)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("hf://org/other", r"neither .*/org/other nor .*/models--org--other is there \(remote.hf_mirror\)"),
        ("hf://org/model@v2", "has no revision v2; have it there"),
        ("hf://org/plain@v2", "has no revisions; leave out @v2"),
    ],
)
async def test_what_is_not_there_is_a_fault_that_says_where_it_was_looked_for(
    cache: Path, address: str, reason: str
) -> None:
    (cache / "org" / "plain").mkdir(parents=True)
    with pytest.raises(RemoteFault, match=reason):
        await at(cache, address).files()
