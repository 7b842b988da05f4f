"""An artefact's manifest, as ORAS writes it: each layer that has a title is the file at that path. Pure."""

import hashlib
import re

import msgspec

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPTED = ", ".join((IMAGE, INDEX, DOCKER_IMAGE, DOCKER_INDEX))

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
MAX_BYTES = 4 << 20  # that a registry has to take, by the specification


class _Descriptor(msgspec.Struct, frozen=True):
    digest: str
    size: int
    annotations: dict[str, str] | None = None


class _Manifest(msgspec.Struct, frozen=True):
    layers: tuple[_Descriptor, ...] | None = None
    manifests: tuple[_Descriptor, ...] | None = None


def check_digest(content: bytes, digest: str, what: str) -> None:
    """Raises RemoteFault where the content is not what the digest means."""
    if digest and f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise RemoteFault(f"{what} is not what its digest {digest[:40]} means; it is asked for again")


def files_of(content: bytes, what: str) -> list[RemoteFile]:
    """The files of an artefact. Raises RemoteFault, which says what would be right."""
    manifest = _read(content, what)
    if manifest.manifests is not None:
        raise RemoteFault(
            f"{what} is an index of {len(manifest.manifests)} manifests; name one of them by its digest, as in "
            f"@{manifest.manifests[0].digest if manifest.manifests else 'sha256:...'}"
        )
    files = []
    for layer in manifest.layers or ():
        told = layer.annotations or {}
        if TITLE not in told:
            continue  # as ORAS passes it over: nobody says where it belongs
        if told.get(UNPACK) == "true":
            raise RemoteFault(
                f"{what} holds {told[TITLE]} as a packed folder; push its files, as in `oras push REF m/1/model.onnx`"
            )
        if not re.fullmatch("sha256:[0-9a-f]{64}", layer.digest) or layer.size < 0:
            raise RemoteFault(
                f"{what}: the layer {told[TITLE]} has the digest {layer.digest[:80]!r}; it should be a SHA-256"
            )
        files.append(RemoteFile(told[TITLE], layer.size, sha256=layer.digest.removeprefix("sha256:")))
    if not files:
        raise RemoteFault(f"{what} names no files; push them with ORAS, which gives each layer the annotation {TITLE}")
    return files


def _read(content: bytes, what: str) -> _Manifest:
    try:
        return msgspec.json.decode(content, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteFault(f"{what} is no manifest: {error}") from None
