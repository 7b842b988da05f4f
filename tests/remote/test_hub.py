"""A model of the hub: exchanges as the hub has them, its files at another host among them."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headrace.remote.address import parse_address
from headrace.remote.faults import Changed, RemoteFault
from headrace.remote.hub import Hub
from headrace.remote.listing import RemoteFile
from tests.remote.answering import Asked, Told, Web, answering, ranged

COMMIT = "93efa2f097d58c2a74874c7e644dbc9b0cee75a2"
WEIGHTS = bytes(range(256)) * 1000
CONFIG = b'{"model_type": "llama"}'


def git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def large(name: str, content: bytes) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    lfs = {"sha256": sha256, "size": len(content), "pointerSize": 134}
    return {"rfilename": name, "blobId": "0" * 40, "size": len(content), "lfs": lfs}


MODEL = {
    "_id": "6696",
    "id": "org/model",
    "private": False,
    "sha": COMMIT,
    "siblings": [
        {"rfilename": ".gitattributes", "blobId": git(b""), "size": 0},
        {"rfilename": "config.json", "blobId": git(CONFIG), "size": len(CONFIG)},
        large("model.safetensors", WEIGHTS),
        large("pytorch_model.bin", WEIGHTS),
        large("onnx/model.onnx", WEIGHTS),
    ],
}
LISTED = [
    RemoteFile(".gitattributes", 0, f"git:{git(b'')}"),
    RemoteFile("config.json", len(CONFIG), f"git:{git(CONFIG)}"),
    RemoteFile("model.safetensors", len(WEIGHTS), sha256=hashlib.sha256(WEIGHTS).hexdigest()),
    RemoteFile("onnx/model.onnx", len(WEIGHTS), sha256=hashlib.sha256(WEIGHTS).hexdigest()),
]


@contextmanager
def hub(token: str = "") -> Iterator[tuple[Web, Web]]:
    """The hub, and the host that its large files lie at."""

    def content(asked: Asked) -> Told:
        return ranged(WEIGHTS, asked)

    def page(asked: Asked) -> Told:
        if token and asked.headers.get("authorization") != f"Bearer {token}":
            return Told(401, b'{"error":"Invalid username or password."}', {"X-Error-Code": "GatedRepo"})
        if asked.path == "/api/models/org/model/revision/main?blobs=true":
            return Told(200, json.dumps(MODEL).encode())
        if asked.path == f"/org/model/resolve/{COMMIT}/config.json":
            return ranged(CONFIG, asked)
        if asked.path.startswith(f"/org/model/resolve/{COMMIT}/"):
            return Told(302, b"", {"Location": f"{elsewhere.url}/blob", "X-Linked-Size": str(len(WEIGHTS))})
        return Told(404, b'{"error":"Revision not found"}', {"X-Error-Code": "RevisionNotFound"})

    with answering(content) as elsewhere, answering(page) as first:
        yield first, elsewhere


def at(endpoint: str, address: str = "hf://org/model", **environment: str) -> Hub:
    return Hub(parse_address(address), {"HF_ENDPOINT": f"{endpoint}/", **environment})


async def read(store: Hub, file: RemoteFile, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in store.read(file, start)])


async def test_a_revision_tells_its_files_but_those_that_only_other_frameworks_read() -> None:
    with hub() as (web, _):
        assert await at(web.url).files() == LISTED


async def test_files_are_read_of_the_commit_that_was_listed_wherever_they_lie() -> None:
    with hub() as (web, elsewhere):
        store = at(web.url)
        await store.files()
        assert await read(store, LISTED[1]) == CONFIG
        assert await read(store, LISTED[2]) == WEIGHTS
        assert await read(store, LISTED[2], 1000) == WEIGHTS[1000:]
        assert elsewhere.asked[-1].headers["range"] == "bytes=1000-"
        with pytest.raises(Changed):
            await read(at(web.url), LISTED[2])  # it never listed: main may be another by now


async def test_a_token_is_told_to_the_hub_and_to_nobody_else() -> None:
    with hub("secret") as (web, elsewhere):
        store = at(web.url, HF_TOKEN="secret")
        await store.files()
        assert await read(store, LISTED[2]) == WEIGHTS
        assert "authorization" not in elsewhere.asked[0].headers
        with pytest.raises(RemoteFault, match=r"does not show it \(401\); set HF_TOKEN to a token that may read it"):
            await at(web.url).files()


async def test_a_revision_that_is_not_there_is_a_fault_that_says_what_to_do() -> None:
    with hub() as (web, _), pytest.raises(RemoteFault, match=r"hf://org/model@v9: no such model .*see to the address"):
        await at(web.url, "hf://org/model@v9").files()


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"siblings": []}'])
async def test_what_is_no_hub_is_a_fault(content: bytes) -> None:
    with answering(lambda asked: Told(200, content)) as web, pytest.raises(RemoteFault, match="see to HF_ENDPOINT"):
        await at(web.url).files()


def test_without_an_endpoint_it_is_the_public_one() -> None:
    assert Hub(parse_address("hf://org/model"), {})._endpoint == "https://huggingface.co"
