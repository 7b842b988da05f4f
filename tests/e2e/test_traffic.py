"""A real server shares a model's requests among its versions, rolls one out, and knows of it after it was killed."""

import http.client
import json
from pathlib import Path
from typing import Any, Self

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "VALUE" }]
"""
BODY = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
USERS = [f"user-{number}" for number in range(40)]
OWN = "/v2/headrace/models/m"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Version 1, which is stable, and 2, which answers something else; 3 answers as 1."""
    folder = tmp_path / "models" / "m"
    for version, value in ((1, "slice"), (2, "zeros"), (3, "slice")):
        (folder / str(version)).mkdir(parents=True)
        (folder / str(version) / "model.fake").write_text(MODEL.replace("VALUE", value))
    (folder / "model.toml").write_text("labels = { stable = 1 }\n")
    return tmp_path / "models"


class Client:
    def __init__(self, program: Program) -> None:
        self.http = http.client.HTTPConnection(program.http, timeout=60)
        self.channel = grpc.insecure_channel(program.grpc)
        self.infer: Any = self.channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()
        self.channel.close()

    def ask(self, method: str, path: str, sent: object = None, **headers: str) -> Any:
        self.http.request(method, path, None if sent is None else json.dumps(sent), headers)
        answer = self.http.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body) if body else None

    def over_http(self, user: str = "") -> str:
        version: str = self.ask("POST", "/v2/models/m/infer", BODY, **({"X-User": user} if user else {}))[
            "model_version"
        ]
        return version

    def over_grpc(self, user: str) -> str:
        message = pb.ModelInferRequest(model_name="m")
        given = message.inputs.add(name="x", datatype="FP32", shape=[1, 2])
        given.contents.fp32_contents.extend([1.0, 2.0])
        version: str = self.infer(message, metadata=[("x-user", user)]).model_version
        return version


def test_a_user_stays_with_one_version_whatever_the_protocol(repository: Path, tmp_path: Path) -> None:
    with (
        serving(repository, *ANY_PORTS, "--set", f"state.dir={tmp_path / 'state'}") as program,
        Client(program) as client,
    ):
        client.ask("PUT", f"{OWN}/split", {"weights": {"1": 0.5, "2": 0.5}, "key": "header:X-User"})
        versions = [client.over_http(user) for user in USERS]
        assert [client.over_grpc(user) for user in USERS] == versions
        assert set(versions) == {"1", "2"}
        client.ask("DELETE", f"{OWN}/split")
        assert {client.over_http(user) for user in USERS} == {"1"}


def test_a_version_that_answers_otherwise_is_rolled_back_and_one_that_does_not_takes_over(
    repository: Path, tmp_path: Path
) -> None:
    gates = {"difference": {"tolerance": 1e-3, "share": 0.02}, "compare": 1.0}
    plan = {"steps": [0.5, 1], "step_s": 0, "min_requests": 20, "gates": gates}
    with (
        serving(repository, *ANY_PORTS, "--set", f"state.dir={tmp_path / 'state'}") as program,
        Client(program) as client,
    ):
        client.ask("POST", f"{OWN}/rollout", {"to": "2", **plan})
        assert _ended(client)["reason"].startswith("gate difference: ")
        assert {client.over_http() for _ in range(20)} == {"1"}
        client.ask("POST", f"{OWN}/rollout", {"to": "3", **plan})
        assert _ended(client)["state"] == "done"
        assert {client.over_http() for _ in range(20)} == {"3"}
        assert client.ask("GET", f"{OWN}/labels") == {"stable": "3"}
        events = client.ask("GET", f"{OWN}/events")
    told = [event["state"] for event in events if event["what"] == "rollout"]
    assert told == ["done", "step", "started", "rolled back", "started"]


def _ended(client: Client) -> dict[str, Any]:
    """Ask until the rollout is over."""
    for _ in range(10_000):
        client.over_http()
        report: dict[str, Any] = client.ask("GET", f"{OWN}/rollout")
        if report["state"] != "running":
            return report
    raise AssertionError(report)


def test_a_rollout_goes_on_after_the_server_was_killed(repository: Path, tmp_path: Path) -> None:
    flags = (*ANY_PORTS, "--set", f"state.dir={tmp_path / 'state'}")
    with serving(repository, *flags) as program, Client(program) as client:
        client.ask("POST", f"{OWN}/rollout", {"to": "2", "steps": [0.5, 1], "step_s": 600, "gates": {}})
        program.process.kill()
    with serving(repository, *flags) as program, Client(program) as client:
        report = client.ask("GET", f"{OWN}/rollout")
        assert (report["state"], report["step"], report["to"]["version"]) == ("running", 1, "2")
        assert {client.over_http() for _ in range(40)} == {"1", "2"}
        (resumed,) = [event for event in client.ask("GET", f"{OWN}/events") if event["state"] == "resumed"]
        assert "the server started anew" in resumed["reason"]
        back = client.ask("DELETE", f"{OWN}/rollout")
        assert (back["state"], back["reason"]) == ("rolled back", "a request rolled it back")
        assert {client.over_http() for _ in range(20)} == {"1"}


def test_a_language_model_is_shared_by_the_name_that_dialects_know(tmp_path: Path) -> None:
    for version in (1, 2):
        (tmp_path / "models" / "m" / str(version)).mkdir(parents=True)
        (tmp_path / "models" / "m" / str(version) / "model.fakellm").write_text("")
    (tmp_path / "models" / "m" / "model.toml").write_text("labels = { stable = 1 }\n")
    flags = (*ANY_PORTS, "--set", f"state.dir={tmp_path / 'state'}")
    with serving(tmp_path / "models", *flags) as program, Client(program) as client:
        client.ask("PUT", f"{OWN}/split", {"weights": {"1": 0, "2": 1}})
        chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
        client.ask("POST", "/v1/chat/completions", chat)
        client.ask("POST", "/v1/chat/completions", {**chat, "model": "m@stable"})
        answered = {version: client.ask("GET", f"/v2/models/m/versions/{version}/stats") for version in "12"}
    counts = {
        version: stats["model_stats"][0]["inference_stats"]["success"]["count"] for version, stats in answered.items()
    }
    assert counts == {"1": 1, "2": 1}
