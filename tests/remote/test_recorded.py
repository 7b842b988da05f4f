"""Google's and Azure's stores, by exchanges in the form that they have: listing, reading from any byte, refusals."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from headrace.remote.address import parse_address
from headrace.remote.faults import Changed, RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.store import ObjectStore
from tests.remote.answering import Asked, Told, Web, answering, ranged

CONTENT = b"0123456789"
WRITTEN = "Thu, 01 Jan 2026 00:00:00 GMT"

GOOGLE = """<?xml version='1.0' encoding='UTF-8'?>
<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>
<Name>bucket</Name><Prefix>models/</Prefix><IsTruncated>false</IsTruncated>
<Contents><Key>models/m/1/model.onnx</Key><Generation>1700000000000000</Generation><MetaGeneration>1</MetaGeneration>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"781e5e245d69b566979b86e28d23f2c7"</ETag><Size>10</Size>
</Contents></ListBucketResult>"""

AZURE = f"""<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="http://account.blob.core.windows.net/" ContainerName="bucket">
<Prefix>models/</Prefix><Blobs><Blob><Name>models/m/1/model.onnx</Name><Properties>
<Creation-Time>{WRITTEN}</Creation-Time><Last-Modified>{WRITTEN}</Last-Modified><Etag>0x8DE48A0</Etag>
<Content-Length>10</Content-Length><Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType>
</Properties></Blob></Blobs><NextMarker /></EnumerationResults>"""

LISTINGS = {"gs": GOOGLE, "az": AZURE}
ETAGS = {"gs": '"781e5e245d69b566979b86e28d23f2c7"', "az": "0x8DE48A0"}


class Recorded:
    """One store with one object; it may be replaced, or refuse all."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.etag = ETAGS[kind]
        self.refuses = 0

    def __call__(self, asked: Asked) -> Told:
        if self.refuses:
            return Told(self.refuses, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
        if "prefix=" in asked.path:
            return Told(200, LISTINGS[self.kind].encode(), {"Content-Type": "application/xml"})
        if asked.headers.get("if-match", self.etag) != self.etag:
            return Told(412)
        told = ranged(CONTENT, asked)
        return Told(told.status, told.content, {**told.headers, "ETag": self.etag, "Last-Modified": WRITTEN})


@contextmanager
def recorded(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Recorded, Web, ObjectStore]]:
    store = Recorded(kind)
    with answering(store) as web:
        environment = {
            "gs": {"GOOGLE_BASE_URL": web.url, "GOOGLE_SKIP_SIGNATURE": "true"},
            "az": {
                "AZURE_STORAGE_ACCOUNT_NAME": "account",
                "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0",
                "AZURE_STORAGE_ENDPOINT": web.url,
            },
        }[kind]
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield store, web, ObjectStore(parse_address(f"{kind}://bucket/models"), os.environ)


async def read(store: ObjectStore, file: RemoteFile, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in store.read(file, start)])


@pytest.mark.parametrize("kind", LISTINGS)
async def test_a_store_tells_what_it_holds_and_gives_it_from_any_byte_on(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded(kind, monkeypatch) as (_, web, store):
        (file,) = await store.files()
        assert file == RemoteFile("m/1/model.onnx", 10, ETAGS[kind])
        assert await read(store, file) == CONTENT
        assert await read(store, file, 4) == CONTENT[4:]
        assert (web.asked[-1].headers["range"], web.asked[-1].headers["if-match"]) == ("bytes=4-", ETAGS[kind])
        signed = web.asked[0].headers.get("authorization", "")
        assert signed.startswith("SharedKey account:" if kind == "az" else "")


@pytest.mark.parametrize("kind", LISTINGS)
async def test_an_object_that_was_replaced_is_not_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with recorded(kind, monkeypatch) as (recording, _, store):
        (file,) = await store.files()
        recording.etag = '"other"'
        with pytest.raises(Changed):
            await read(store, file, 4)


@pytest.mark.parametrize("kind", LISTINGS)
async def test_a_store_that_refuses_is_a_fault_that_says_what_to_set(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded(kind, monkeypatch) as (recording, _, store):
        recording.refuses = 403
        needed = "GOOGLE_APPLICATION_CREDENTIALS" if kind == "gs" else "AZURE_STORAGE_ACCOUNT_NAME"
        with pytest.raises(RemoteFault, match=f"access is denied; allow listing and reading there, or set {needed}"):
            await store.files()
