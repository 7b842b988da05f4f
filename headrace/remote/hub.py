"""A model on the Hugging Face hub as a store: one revision, whose commit is named once and then asked for."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import PurePosixPath
from urllib.parse import quote

import msgspec

from headrace.remote import web
from headrace.remote.address import Address
from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile

ENDPOINT = "https://huggingface.co"
MAX_BYTES = 64 << 20  # of what the hub tells of one model

PASSED_OVER = re.compile(
    r"pytorch_model.*\.bin|.*\.(h5|msgpack|ot|pt|pth|ckpt|ckpt\..*|bin\.index\.json|mlmodel|tflite\.index)"
)
"""Names of files that other frameworks read, beside those that are read here: as large again as the model."""


class _Large(msgspec.Struct, frozen=True):
    sha256: str = ""


class _Sibling(msgspec.Struct, frozen=True, rename="camel"):
    rfilename: str
    size: int | None = None
    blob_id: str = ""
    lfs: _Large | None = None


class _Model(msgspec.Struct, frozen=True):
    sha: str
    siblings: tuple[_Sibling, ...] = ()


class Hub:
    """One model at one revision. `HF_ENDPOINT` names another hub, `HF_TOKEN` says who asks."""

    def __init__(self, address: Address, environment: Mapping[str, str]) -> None:
        self._address = address
        self._endpoint = environment.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
        token = environment.get("HF_TOKEN", "").strip()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._commit = ""  # that the last listing was of

    async def files(self) -> list[RemoteFile]:
        """Every file but those that only other frameworks read. Raises RemoteFault."""
        address = self._address
        url = f"{self._endpoint}/api/models/{address.path}/revision/{quote(address.reference, safe='')}?blobs=true"
        page = await web.get(url, self._headers, MAX_BYTES)
        if page.status != 200:
            raise self._refused(page.status)
        model = parse_model(page.content, address.url)
        self._commit = model.sha
        return listed(model)

    async def read(self, file: RemoteFile, start: int) -> AsyncIterator[bytes]:
        commit = self._commit or self._address.reference
        url = f"{self._endpoint}/{self._address.path}/resolve/{quote(commit, safe='')}/{quote(file.path)}"
        stream = await web.open_stream(url, self._headers, start)
        async with aclosing(web.body_of(stream, file, start, self._refused)) as body:
            async for chunk in body:
                yield chunk

    def _refused(self, status: int) -> RemoteFault:
        address, token = self._address, "HF_TOKEN to a token that may read it"
        if status in (401, 403):
            return RemoteFault(f"{address.url}: {self._endpoint} does not show it ({status}); set {token}")
        if status == 404:
            what = "no such model or revision, or it is not public"
            return RemoteFault(f"{address.url}: {what} (404 of {self._endpoint}); see to the address, or set {token}")
        return RemoteFault(f"{address.url}: {self._endpoint} answers {status}; it is asked again later")


def parse_model(content: bytes, url: str) -> _Model:
    """What the hub says of a model. Raises RemoteFault."""
    try:
        return msgspec.json.decode(content, type=_Model)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteFault(f"{url}: what the hub tells of it cannot be read: {error}; see to HF_ENDPOINT") from None


def listed(model: _Model) -> list[RemoteFile]:
    """The files that are read here, each with what it can be held to: its SHA-256, or the digest that git has of it."""
    files = []
    for each in model.siblings:
        if PASSED_OVER.fullmatch(PurePosixPath(each.rfilename).name):
            continue
        if each.size is None:
            raise RemoteFault(f"the hub does not say how large {each.rfilename} is; see to HF_ENDPOINT")
        sha256 = each.lfs.sha256 if each.lfs else ""
        etag = "" if sha256 or not each.blob_id else f"git:{each.blob_id}"
        files.append(RemoteFile(each.rfilename, each.size, etag, sha256))
    return files
