"""A server that speaks TLS: clients of every make get in, on both fronts, and nobody without it."""

import json
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from headrace.cli.main import main
from headrace.generated import service_pb2 as pb
from tests.certificates import Certificates, make
from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
LIVE = "/inference.GRPCInferenceService/ServerLive"
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}).encode()


class Secure(NamedTuple):
    program: Program
    files: Certificates

    @property
    def url(self) -> str:
        return f"https://{self.program.http}"


def secure_server(folder: Path, *more: str, ask_clients: bool = False) -> Any:
    (folder / "models" / "m").mkdir(parents=True)
    (folder / "models" / "m" / "model.fake").write_text(MODEL)
    tls = make(folder, ask_clients=ask_clients).tls
    settings = [f"server.tls_certificate={tls.certificate}", f"server.tls_key={tls.key}", *more]
    if ask_clients:
        settings.append(f"server.tls_client_ca={tls.client_ca}")
    return serving(folder / "models", *ANY_PORTS, *(part for each in settings for part in ("--set", each)))


@pytest.fixture(scope="module", params=["native", "grpcio"])
def secure(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("secure")
    with secure_server(folder, f"protocols.grpc={request.param}") as program:
        yield Secure(program, Certificates(None, folder / "ca.pem", folder / "client.pem"))  # type: ignore[arg-type]
        assert program.stop() == 0


def infer(client: Any, kind: Any) -> list[float]:
    tensor = kind.InferInput("x", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.array([[1, 2]], np.float32))
    values: list[float] = client.infer("m", [tensor]).as_numpy("y").ravel().tolist()
    return values


def test_it_says_that_it_speaks_tls(secure: Secure) -> None:
    assert ", over TLS; ready" in secure.program.told


def test_tritons_client_gets_in_over_grpc(secure: Secure) -> None:
    with triton_grpc.InferenceServerClient(
        secure.program.grpc, ssl=True, root_certificates=str(secure.files.ca)
    ) as client:
        assert infer(client, triton_grpc) == [1, 2]


def test_tritons_client_gets_in_over_http(secure: Secure) -> None:
    trusting = {"ca_certs": str(secure.files.ca)}
    with triton_http.InferenceServerClient(secure.program.http, ssl=True, ssl_options=trusting) as client:
        assert infer(client, triton_http) == [1, 2]


def test_curl_gets_in(secure: Secure) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not here")
    command = [curl, "-sS", "--fail", "--cacert", str(secure.files.ca), "-d", "@-", f"{secure.url}/v2/models/m/infer"]
    done = subprocess.run(command, input=BODY, capture_output=True, check=True)
    assert json.loads(done.stdout)["outputs"][0]["data"] == [1, 2]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_either_version_of_tls_is_spoken(secure: Secure, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=secure.files.ca)
    context.minimum_version = context.maximum_version = version
    with urllib.request.urlopen(f"{secure.url}/v2/health/ready", context=context) as answer:
        assert answer.status == 200


def test_who_does_not_speak_tls_is_not_answered(secure: Secure) -> None:
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{secure.program.http}/v2/health/ready")
    with grpc.insecure_channel(secure.program.grpc) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(LIVE, bytes, bytes)(b"", timeout=10)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_infer_asks_at_https(secure: Secure, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["infer", "m", "--input", "x=1,2", "--url", secure.url]
    assert main([*asked, "--ca", str(secure.files.ca), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"][0]["data"] == [1, 2]
    assert main(asked) == 1
    assert "say with --ca FILE whose certificates to trust" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_bench_measures_over_tls(secure: Secure, protocol: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = secure.url if protocol == "http" else f"grpcs://{secure.program.grpc}"
    load = ["--concurrency", "2", "--duration", "0.2", "--warmup", "0.1", "--json", "-"]
    assert main(["bench", url, "m", "--protocol", protocol, "--ca", str(secure.files.ca), *load]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][0]["throughput"] > 0


@pytest.mark.parametrize("kind", ["native", "grpcio"])
def test_clients_without_a_certificate_are_kept_out_where_one_is_asked_for(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with secure_server(tmp_path, f"protocols.grpc={kind}", ask_clients=True) as program:
        ca, client = tmp_path / "ca.pem", tmp_path / "client.pem"
        asked = ["infer", "m", "--input", "x=1,2", "--url", f"https://{program.http}", "--ca", str(ca)]
        assert main([*asked, "--cert", str(client)]) == 0
        assert main(asked) == 1
        assert "--cert FILE" in capsys.readouterr().err
        own = client.read_bytes()
        shown = grpc.ssl_channel_credentials(ca.read_bytes(), own, own)
        for credentials, code in ((shown, None), (grpc.ssl_channel_credentials(ca.read_bytes()), "UNAVAILABLE")):
            assert live(program.grpc, credentials) == code


def live(target: str, credentials: grpc.ChannelCredentials) -> str | None:
    """The code of the refusal, or None where the server says that it lives."""
    with grpc.secure_channel(target, credentials) as channel:
        ask = channel.unary_unary(LIVE, bytes, pb.ServerLiveResponse.FromString)
        try:
            return None if ask(b"", timeout=10).live else "dead"
        except grpc.RpcError as error:
            return str(error.code().name)


def test_a_client_that_stays_silent_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with secure_server(tmp_path) as program:
        host, _, port = program.http.rpartition(":")
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        with context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host) as idle:
            idle.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 200"
            program.process.terminate()
            assert program.process.wait(10) == 0


def test_a_certificate_that_is_no_good_ends_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--set", f"server.tls_certificate={tmp_path}/none.pem", "--set", "server.tls_key=k.pem"]
    assert main(["serve", str(tmp_path), *ANY_PORTS, *settings]) == 2
    assert "server.tls_certificate: " in capsys.readouterr().err
