"""gRPC's client for JavaScript, which stands on Node's own HTTP/2, gets what it asks for."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headrace.protocols.grpc.method import Call, Method, Stream, Unary
from headrace.types import Buffer
from tests import certificates
from tests.protocols.oip.grpc_server import Kind, table_server

SOURCE = Path(__file__).parent / "node"
PLACE = Path(__file__).parents[3] / ".cache" / "node-grpc"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Path:
    """The script, beside its packages; they are fetched once, as the lock file has them."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not here")
    shutil.copytree(SOURCE, PLACE, dirs_exist_ok=True)
    if not (PLACE / "node_modules" / "@grpc" / "grpc-js").exists():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=PLACE, capture_output=True, text=True, timeout=100, check=False)
        if done.returncode:
            pytest.skip(f"@grpc/grpc-js cannot be fetched: {done.stderr[-300:]}")
    return PLACE / "client.js"


async def double(requests: AsyncIterator[Buffer], call: Call) -> None:
    async for sent in requests:
        await call.write(bytes(sent) * 2)


METHODS: dict[str, Method] = {
    "/test.Test/Echo": Unary(lambda sent, call: call.finish(bytes(sent), (("x-bytes-bin", b"\0\xff"),))),
    "/test.Test/Tell": Unary(lambda sent, call: call.finish(repr(sorted(dict(call.metadata).items())).encode())),
    "/test.Test/No": Unary(lambda sent, call: call.end(5, "größer, 100 %", (("why", "so"),))),
    "/test.Test/Wait": Unary(lambda sent, call: None),
    "/test.Test/Double": Stream(double),
}


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", ["native", "grpcio"])
async def test_every_way_of_calling_is_answered(client: Path, kind: Kind, secure: bool, tmp_path: Path) -> None:
    server, made = table_server(kind, METHODS), certificates.make(tmp_path)
    port = await server.listen("127.0.0.1", 0, made.tls if secure else None)
    command = ["node", str(client), f"127.0.0.1:{port}", *([str(made.ca)] if secure else [])]
    try:
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
    finally:
        await server.stop(None)
    told: dict[str, Any] = json.loads(out)
    assert (told["echo"]["code"], told["echo"]["answer"]) == (0, "abc")
    assert told["echo"]["trailers"]["x-bytes-bin"]["data"] == [0, 255]
    assert told["large"]["length"] == 3_000_000
    assert told["gzip"]["length"] == 300_000
    assert told["many"] == [str(number) for number in range(500)]
    assert "('x-bytes-bin', b'\\x00\\xff')" in told["metadata"]["answer"]
    assert (told["refused"]["code"], told["refused"]["details"]) == (5, "größer, 100 %")
    assert told["refused"]["trailers"]["why"] == "so"
    assert told["nothing"]["code"] == 12
    assert told["deadline"]["code"] == 4
    assert told["cancelled"]["code"] == 1
    assert told["stream"] == {"answers": ["aa", "bb", "cc"], "code": 0}
