"""`index.json`: what a web server, which has no listing of its own, says that it holds. Pure."""

from typing import Annotated

import msgspec
from msgspec import Meta

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile

NAME = "index.json"
MAX_BYTES = 16 << 20


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1)]
    size: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]


class _Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: tuple[_File, ...]


def parse_index(content: bytes) -> list[RemoteFile]:
    """The files that it names. Raises RemoteFault, which names the field at fault."""
    try:
        index = msgspec.json.decode(content, type=_Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        example = '{"files": [{"name": "m/1/model.onnx", "size": 1234, "sha256": "..."}]}'
        raise RemoteFault(f"{NAME} cannot be read: {error}; it should be as {example}") from None
    return [RemoteFile(file.name, file.size, sha256=file.sha256.lower()) for file in index.files]
