"""Variants of a model behind a real server: fakes of which one takes ten times as long as the other."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from headrace.generated import service_pb2 as pb
from tests.e2e.joined import wait_joined
from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

FAKE = """
delay_ms = {delay_ms}
inputs = [{{ name = "x", shape = [-1, {width}], datatype = "INT64" }}]
outputs = [{{ name = "y", shape = [-1, 1], datatype = "INT64", value = "sum" }}]
"""
BODY = {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1, 2], "data": [1, 2]}]}


def place(folder: Path, toml: str, exact_ms: float = 40, quick_ms: float = 4, width: int = 2) -> None:
    """A model with an exact file and a quick one."""
    version = folder / "1"
    version.mkdir(parents=True)
    (version / "model.fake").write_text(FAKE.format(delay_ms=exact_ms, width=2))
    (version / "quick.fake").write_text(FAKE.format(delay_ms=quick_ms, width=width))
    (folder / "model.toml").write_text(
        f'{toml}\nvariant = {{ name = "exact" }}\n[[variants]]\nname = "quick"\nfile = "quick.fake"\naccuracy = 0.9\n'
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    repository = tmp_path_factory.mktemp("repository")
    place(repository / "varied", "batching = { max_size = 4 }")
    place(repository / "heavy", "batching = { max_size = 4 }", exact_ms=200)
    place(repository / "hasty", "objective = { p99_ms = 2 }")
    place(repository / "unlike", "", width=3)
    plain = repository / "plain"
    plain.mkdir()
    (plain / "model.fake").write_text(FAKE.format(delay_ms=0, width=2))
    with serving(repository, *ANY_PORTS) as program:
        for model in ("varied", "heavy", "hasty", "unlike"):
            wait_joined(program, model)
        yield program
        assert program.stop() == 0


def events(server: Program, model: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"http://{server.http}/v2/headrace/models/{model}/events").json()
    return found


def post(server: Program, model: str = "varied", **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"http://{server.http}/v2/models/{model}/infer", json=BODY, headers=said)


def test_the_answer_names_the_variant_that_computed_it(server: Program) -> None:
    assert post(server).headers["x-variant"] == "exact"
    assert post(server, x_slo_ms="30").headers["x-variant"] == "quick"
    assert post(server, x_variant="quick").headers["x-variant"] == "quick"
    assert "x-variant" not in post(server, "plain").headers


def test_grpc_says_the_same(server: Program) -> None:
    asked = pb.ModelInferRequest(model_name="varied", raw_input_contents=[(1).to_bytes(8, "little") * 2])
    asked.inputs.add(name="x", datatype="INT64", shape=[1, 2])
    with grpc.insecure_channel(server.grpc) as channel:
        stub = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )
        _, done = stub.with_call(asked, metadata=(("x-variant", "quick"),))
        assert dict(done.trailing_metadata())["x-variant"] == "quick"
        with pytest.raises(grpc.RpcError) as refusal:
            stub(asked, metadata=(("x-variant", "int4"),))
        assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("model", "headers", "reason"),
    [
        ("varied", {"x_variant": "int4"}, "x-variant: varied/1 has no variant 'int4'; there are exact, quick"),
        ("plain", {"x_variant": "quick"}, "x-variant: plain/1 has no variants; leave it out"),
        ("varied", {"x_variant": "a b"}, "x-variant: 'a b' is no name of a variant"),
        ("varied", {"x_variant": "quick", "x_min_accuracy": "0.95"}, "x-variant: 'quick' has an accuracy of 0.9"),
        ("varied", {"x_min_accuracy": "1.1"}, "x-min-accuracy: '1.1' is not a number from 0 to 1"),
    ],
)
def test_what_no_variant_can_do_is_a_clients_fault(
    server: Program, model: str, headers: dict[str, str], reason: str
) -> None:
    response = post(server, model, **headers)
    assert response.status_code == 400
    assert response.json()["error"].startswith(reason)


def test_no_less_accuracy_than_asked_for_is_given(server: Program) -> None:
    response = post(server, x_slo_ms="30", x_min_accuracy="0.95")
    assert response.status_code == 429
    assert response.json()["predicted_ms"] > 30


def test_in_overload_the_quick_one_answers_all_in_time(server: Program) -> None:
    """Sent 200 a second, of which the exact one can do a tenth."""

    async def send() -> list[httpx.Response]:
        url = f"http://{server.http}/v2/models/heavy/infer"
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=400)) as client:
            tasks = []
            for _ in range(300):
                tasks.append(asyncio.create_task(client.post(url, json=BODY, headers={"x-slo-ms": "1000"})))
                await asyncio.sleep(0.005)
            return await asyncio.gather(*tasks)

    answers = asyncio.run(send())
    assert Counter(answer.status_code for answer in answers)[200] >= 0.9 * len(answers)
    assert {answer.headers["x-variant"] for answer in answers[-100:] if answer.status_code == 200} == {"quick"}


def index(server: Program) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in httpx.post(f"http://{server.http}/v2/repository/index").json()}


def test_an_objective_that_nothing_can_hold_is_told_by_the_index(server: Program) -> None:
    told = index(server)["hasty"]
    assert told["state"] == "READY"
    assert told["reason"].startswith("no answer can come within the objective of 2 ms: a run of one row takes")
    assert "with 'quick' at best (then" in told["reason"]
    assert post(server, "hasty").status_code == 429


UNLIKE = "variant 'quick': is no stand-in for the model: input 'x' is [?, 3], the model's [?, 2]"


def test_a_variant_unlike_its_model_is_told_with_the_difference_and_the_own_file_answers(server: Program) -> None:
    told = index(server)["unlike"]
    assert (told["state"], told["reason"]) == ("READY", f"{UNLIKE}; the model's own file answers alone")
    assert post(server, "unlike").status_code == 200
    refused = post(server, "unlike", x_variant="quick")
    assert (refused.status_code, UNLIKE in refused.json()["error"]) == (503, True)


def test_a_swap_to_a_version_with_such_a_variant_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    place(tmp_path / "m", "")
    with serving(tmp_path, *ANY_PORTS, "--set", "models.control=explicit", "--set", "models.load=m") as program:
        wait_joined(program, "m")
        (tmp_path / "m" / "1" / "quick.fake").write_text(FAKE.format(delay_ms=1, width=3))
        answer = httpx.post(f"http://{program.http}/v2/repository/models/m/load", json={})
        assert (answer.status_code, UNLIKE in answer.json()["error"]) == (400, True)
        assert post(program, "m", x_variant="quick").status_code == 200


def test_headrace_models_shows_variants_and_what_cannot_be_held(tmp_path: Path) -> None:
    place(tmp_path / "hasty", "objective = { p99_ms = 2 }")
    program = [sys.executable, "-m", "headrace", "models", str(tmp_path), "--json"]
    (told,) = json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
    assert [(each["name"], each["accuracy"]) for each in told["variants"]] == [("exact", 1.0), ("quick", 0.9)]
    assert told["reason"].startswith("no answer can come within the objective of 2 ms")
