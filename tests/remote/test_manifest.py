"""What an artefact's manifest says that it holds."""

import hashlib
import json
from typing import Any

import pytest

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.manifest import TITLE, UNPACK, check_digest, files_of

DIGEST = "sha256:" + "ab" * 32


def layer(title: str | None = "m/1/model.onnx", digest: str = DIGEST, **more: str) -> dict[str, Any]:
    annotations = more | ({} if title is None else {TITLE: title})
    return {"mediaType": "application/octet-stream", "digest": digest, "size": 7, "annotations": annotations}


def manifest(*layers: dict[str, Any]) -> bytes:
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": DIGEST, "size": 2}
    return json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode()


def test_each_layer_with_a_title_is_a_file_and_others_are_none() -> None:
    assert files_of(manifest(layer(), layer(None)), "it") == [RemoteFile("m/1/model.onnx", 7, sha256="ab" * 32)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "it is no manifest"),
        (manifest(layer(None)), "it names no files; push them with ORAS"),
        (b"{}", "it names no files"),
        (manifest(layer(digest="sha512:00")), "should be a SHA-256"),
        (manifest(layer("m", **{UNPACK: "true"})), "it holds m as a packed folder; push its files"),
        (json.dumps({"manifests": [{"digest": DIGEST, "size": 1}]}).encode(), f"name one of them .* @{DIGEST}"),
    ],
)
def test_what_cannot_be_taken_is_said_with_what_would_be_right(content: bytes, reason: str) -> None:
    with pytest.raises(RemoteFault, match=reason):
        files_of(content, "it")


def test_a_manifest_that_is_not_what_its_digest_means_is_a_fault() -> None:
    check_digest(b"x", f"sha256:{hashlib.sha256(b'x').hexdigest()}", "it")
    check_digest(b"x", "", "it")  # nobody knows
    with pytest.raises(RemoteFault, match="it is not what its digest"):
        check_digest(b"x", DIGEST, "it")
