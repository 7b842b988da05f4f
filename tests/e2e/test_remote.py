"""A real server serves what lies in a real store, over a network that is slow and is cut."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program import ANY_PORTS, ROOT, Program, serving
from tests.remote.answering import Asked, Told, answering, ranged
from tests.remote.proxy import Proxy
from tests.remote.registries import debian
from tests.remote.servers import S3, Bucket, s3, web, write_index
from tests.remote.test_hub import git

pytestmark = pytest.mark.slow

MODEL = b"""
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
LARGE = b"#" * 3_000_000 + MODEL  # a model whose bytes take a while
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})
WAIT_S = 60


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[str, int]]:
    with s3() as server:
        yield server


@pytest.fixture
def bucket(store: tuple[str, int], request: pytest.FixtureRequest) -> Bucket:
    return Bucket(store, request.node.name.replace("_", "-")[:60])


@pytest.fixture
def proxy(store: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(store) as made:
        for name, value in {**S3, "AWS_ENDPOINT_URL": made.url}.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def flags(tmp_path: Path) -> tuple[str, ...]:
    said = (f"remote.dir={tmp_path / 'remote'}", "remote.poll_s=0.1", "models.settle_s=0.05")
    return (*ANY_PORTS, *(flag for setting in said for flag in ("--set", setting)))


def ask(program: Program, path: str, sent: str = "") -> Any:
    connection = http.client.HTTPConnection(program.http, timeout=60)
    try:
        connection.request("POST", path, sent)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body)
    finally:
        connection.close()


def ready(program: Program) -> set[str]:
    return {line["version"] for line in ask(program, "/v2/repository/index") if line["state"] == "READY"}


def wait_for(program: Program, version: str, *, asking: bool = True) -> None:
    """Until this version alone is served; what is asked meanwhile is answered."""
    until = time.monotonic() + WAIT_S
    while ready(program) != {version}:
        assert not asking or ask(program, "/v2/models/m/infer", BODY)["outputs"][0]["data"] == [1, 2]
        assert time.monotonic() < until, ask(program, "/v2/repository/index")
    assert ask(program, "/v2/models/m/infer", BODY)["model_version"] == version


def test_versions_that_are_uploaded_are_served_and_those_that_are_deleted_retire(
    bucket: Bucket, proxy: Proxy, flags: tuple[str, ...]
) -> None:
    bucket.put("models/m/1/model.fake", MODEL)
    with serving(f"s3://{bucket.name}/models", *flags) as program:
        assert ready(program) == {"1"}
        bucket.put("models/m/2/model.fake", MODEL)
        wait_for(program, "2")
        bucket.delete("models/m/2/model.fake")
        wait_for(program, "1", asking=False)
        assert program.stop() == 0


def test_a_network_that_is_cut_during_a_download_shows_nothing_half_and_is_recovered_from(
    bucket: Bucket, proxy: Proxy, flags: tuple[str, ...], tmp_path: Path
) -> None:
    bucket.put("models/m/1/model.fake", MODEL)
    with serving(f"s3://{bucket.name}/models", *flags) as program:
        proxy.bytes_s, proxy.left = 4e6, 1_500_000
        bucket.put("models/m/2/model.fake", LARGE)
        until = time.monotonic() + WAIT_S
        while proxy.left:
            assert time.monotonic() < until
            assert ask(program, "/v2/models/m/infer", BODY)["model_version"] == "1"
        assert ready(program) == {"1"}
        assert not list((tmp_path / "remote").rglob("tree/*/m/2"))
        sent = proxy.sent
        proxy.mend()
        wait_for(program, "2")
        assert proxy.sent - sent < len(LARGE)  # what had come was gone on with
        assert program.stop() == 0


def test_an_object_that_is_replaced_while_it_is_downloaded_is_served_as_it_is_then(
    bucket: Bucket, proxy: Proxy, flags: tuple[str, ...], tmp_path: Path
) -> None:
    bucket.put("models/m/1/model.fake", MODEL)
    with serving(f"s3://{bucket.name}/models", *flags) as program:
        proxy.bytes_s, sent = 4e6, proxy.sent
        bucket.put("models/m/2/model.fake", LARGE)
        until = time.monotonic() + WAIT_S
        while proxy.sent < sent + 1_000_000:
            assert time.monotonic() < until
        other = LARGE.replace(b"#", b"\n")
        bucket.put("models/m/2/model.fake", other)
        wait_for(program, "2")
        (file,) = (tmp_path / "remote").rglob("tree/*/m/2/model.fake")
        assert file.read_bytes() == other
        assert program.stop() == 0


def test_a_server_whose_store_is_away_starts_with_what_it_had_and_follows_once_it_is_back(
    bucket: Bucket, proxy: Proxy, flags: tuple[str, ...]
) -> None:
    bucket.put("models/m/1/model.fake", MODEL)
    with serving(f"s3://{bucket.name}/models", *flags) as program:
        assert program.stop() == 0
    proxy.cut()
    bucket.put("models/m/2/model.fake", MODEL)
    with serving(f"s3://{bucket.name}/models", *flags) as program:
        assert ready(program) == {"1"}
        proxy.mend()
        wait_for(program, "2")
        assert program.stop() == 0


def test_a_web_server_s_index_is_followed(tmp_path: Path, flags: tuple[str, ...]) -> None:
    site = tmp_path / "site"
    for version in ("1", "2"):
        (site / "m" / version).mkdir(parents=True)
        (site / "m" / version / "model.fake").write_bytes(MODEL)
        if version == "1":
            write_index(site)
    with web(site) as (host, port), serving(f"http://{host}:{port}", *flags) as program:
        assert ready(program) == {"1"}
        write_index(site)
        wait_for(program, "2")
        assert program.stop() == 0


def test_an_artefact_is_served_and_its_tag_is_followed(tmp_path: Path, flags: tuple[str, ...]) -> None:
    with debian(tmp_path) as registry:
        registry.push("org/models", "v1", {"m/1/model.fake": MODEL})
        with serving(f"oci://{registry.host}/org/models:v1", *flags) as program:
            assert ready(program) == {"1"}
            registry.push("org/models", "v1", {"m/1/model.fake": MODEL, "m/2/model.fake": LARGE})
            wait_for(program, "2")
            assert program.stop() == 0


def test_a_model_of_the_hub_is_served_out_of_a_folder(tmp_path: Path, flags: tuple[str, ...]) -> None:
    folder = tmp_path / "hub" / "org" / "models" / "m" / "1"
    folder.mkdir(parents=True)
    (folder / "model.fake").write_bytes(MODEL)
    mirror = ("--set", f"remote.hf_mirror={tmp_path / 'hub'}")
    with serving("hf://org/models", *flags, *mirror) as program:
        assert ready(program) == {"1"}
        assert program.stop() == 0


def test_a_model_of_the_hub_is_served_and_a_download_that_is_cut_is_gone_on_with(
    tmp_path: Path, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    sibling = {"rfilename": "m/1/model.fake", "blobId": git(LARGE), "size": len(LARGE)}

    def hub(asked: Asked) -> Told:
        if asked.path.startswith("/api/models/"):
            return Told(200, json.dumps({"sha": "c0ffee", "siblings": [sibling]}).encode())
        return ranged(LARGE, asked) if asked.path == "/org/models/resolve/c0ffee/m/1/model.fake" else Told(404)

    with answering(hub) as web, Proxy(("127.0.0.1", int(web.host.rpartition(":")[2]))) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", proxy.url)
        proxy.left = 1_500_000
        failed = subprocess.run(
            [sys.executable, "-m", "headrace", "serve", "hf://org/models", *flags],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (failed.returncode, "it is gone on with" in failed.stderr) == (1, True), failed.stderr
        proxy.mend()
        with serving("hf://org/models", *flags) as program:
            assert ready(program) == {"1"}
            assert program.stop() == 0
    starts = [asked.headers.get("range") for asked in web.asked if "/resolve/" in asked.path]
    assert starts[0] is None
    assert str(starts[-1]).startswith("bytes=")
