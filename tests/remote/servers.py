"""Repositories elsewhere that are real: a store that speaks S3, and a web server."""

import hashlib
import json
import logging
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

S3 = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


class Bucket:
    """One bucket of a store that speaks S3, as who uploads sees it."""

    def __init__(self, server: tuple[str, int], name: str) -> None:
        self.server = server
        self.name = name
        url = f"http://{server[0]}:{server[1]}"
        with urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT")):
            pass
        settings: Any = {"endpoint": url, "access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
        self._store = S3Store(name, client_options={"allow_http": True}, **settings)

    def put(self, path: str, content: bytes) -> None:
        obstore.put(self._store, path, content, use_multipart=False)

    def delete(self, path: str) -> None:
        obstore.delete(self._store, path)


@contextmanager
def s3() -> Iterator[tuple[str, int]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


class Files(SimpleHTTPRequestHandler):
    """Files of a folder, from a byte on where that is asked for; python's own handler knows no ranges."""

    def send_head(self):  # type: ignore[no-untyped-def]  # a file, or what stands for one
        wanted = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if not wanted.startswith("bytes=") or not path.is_file():
            return super().send_head()
        size, start = path.stat().st_size, int(wanted.removeprefix("bytes=").partition("-")[0])
        file = path.open("rb")
        file.seek(start)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        return file

    def log_message(self, *facts: object) -> None:
        """Nobody reads it."""


class Simple(Files):
    """As python's own."""

    def send_head(self):  # type: ignore[no-untyped-def]
        return SimpleHTTPRequestHandler.send_head(self)


@contextmanager
def web(folder: Path, handler: type[Files] = Files) -> Iterator[tuple[str, int]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "127.0.0.1", server.server_port
        finally:
            server.shutdown()
            thread.join()


def write_index(folder: Path) -> None:
    """Say in index.json what the folder holds."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path != folder / "index.json"]
    files = [
        {
            "name": str(path.relative_to(folder)),
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in paths
    ]
    (folder / "index.json").write_text(json.dumps({"files": files}))
