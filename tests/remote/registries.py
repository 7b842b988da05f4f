"""Registries of artefacts: Debian's, a real one, and one of our own that asks for tokens."""

import base64
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.remote.manifest import IMAGE, TITLE
from tests.remote.answering import Asked, Told, ranged

USER, PASSWORD = "me", "U*U"
HASHED = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
"""Of the password, by bcrypt."""

BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CREDENTIALS = {"username": USER, "password": PASSWORD}


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """As ORAS writes it."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2}
    layers = [
        {
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": sha256(content),
            "size": len(content),
            "annotations": {TITLE: title},
        }
        for title, content in files.items()
    ]
    made = {"schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.unknown.artifact.v1"}
    return json.dumps({**made, "config": config, "layers": layers}).encode()


class Pushed:
    """One registry, as who pushes sees it."""

    def __init__(self, host: str, authorization: str = "") -> None:
        self.host = host
        self._headers = {"Authorization": authorization} if authorization else {}

    def push(self, repository: str, tag: str, files: Mapping[str, bytes]) -> str:
        """Returns the manifest's digest."""
        for content in (b"{}", *files.values()):
            _, headers = self._ask("POST", f"/v2/{repository}/blobs/uploads/")
            place = headers["Location"].partition("/v2/")[2]
            self._ask("PUT", f"/v2/{place}&digest={sha256(content)}", content, "application/octet-stream")
        made = manifest_of(files)
        self._ask("PUT", f"/v2/{repository}/manifests/{tag}", made, IMAGE)
        return sha256(made)

    def _ask(self, method: str, path: str, content: bytes = b"", kind: str = "") -> tuple[bytes, Any]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, content, self._headers | ({"Content-Type": kind} if kind else {}))
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status < 300, (answer.status, body)
            return body, answer.headers
        finally:
            connection.close()


@contextmanager
def debian(folder: Path, *, secured: bool = False) -> Iterator[Pushed]:
    """Debian's `docker-registry`; the test is left out where it is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed (as root: make system)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    host = f"127.0.0.1:{port}"
    said: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": host},
    }
    if secured:
        (folder / "htpasswd").write_text(f"{USER}:{HASHED}\n")
        said["auth"] = {"htpasswd": {"realm": "a realm", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(said))  # which YAML is a superset of
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))}
    environment["OTEL_TRACES_EXPORTER"] = "none"
    command = [program, "serve", str(folder / "config.yml")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(host, process)
            yield Pushed(host, BASIC if secured else "")
        finally:
            process.terminate()


def _wait(host: str, process: "subprocess.Popen[bytes]") -> None:
    """The test's own time limit ends it."""
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection(host, timeout=5)
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            connection.close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"the registry ended with status {process.returncode}")


class WithTokens:
    """A registry of one artefact that gives nothing without a token, which is good for `uses` requests."""

    def __init__(self, files: Mapping[str, bytes], *, uses: int = 1000, ranges: bool = True) -> None:
        self.manifest = manifest_of(files)
        self.blobs = {sha256(content): content for content in files.values()}
        self.host = ""
        self.needs_password = False
        self.tokens = 0
        self._uses = uses
        self._left = 0
        self._ranges = ranges

    def __call__(self, asked: Asked) -> Told:
        if asked.path.startswith("/token?"):
            if self.needs_password and asked.headers.get("authorization") != BASIC:
                return Told(401)
            self.tokens, self._left = self.tokens + 1, self._uses
            return Told(200, json.dumps({"token": f"token{self.tokens}", "expires_in": 60}).encode())
        if asked.headers.get("authorization") != f"Bearer token{self.tokens}" or not self._left:
            scope = 'service="here",scope="repository:a/b:pull"'
            return Told(401, b"", {"WWW-Authenticate": f'Bearer realm="http://{self.host}/token",{scope}'})
        self._left -= 1
        if asked.path == "/v2/a/b/manifests/v1":
            return Told(200, self.manifest, {"Docker-Content-Digest": sha256(self.manifest), "Content-Type": IMAGE})
        content = self.blobs.get(asked.path.rpartition("/")[2])
        if content is None:
            return Told(404)
        return ranged(content, asked) if self._ranges else Told(200, content)
