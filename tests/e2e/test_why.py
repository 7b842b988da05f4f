"""A real server under a steady load says what changed: incidents of many models at once, whose causes are known."""

import asyncio
import json
import random
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.program import ANY_PORTS, Program, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
delay_ms = DELAY
per_row_ms = 2.0
refuse_on = REFUSED
"""
BEFORE_S, AFTER_S = 10, 12
REFUSED = 13.0


@dataclass
class Asking:
    """How one model is asked, as it is now."""

    rate: float = 14.0
    rows: int = 2
    value: float = 1.0
    noise: float = 0.0
    width: int = 2
    wrong: float = 0.0  # share of requests with another width
    tenant: str = "a"
    sent: int = field(default=0)

    def next(self) -> bytes:
        self.sent += 1
        width = 3 if self.wrong and self.sent % round(1 / self.wrong) == 0 else self.width
        data = [self.value + random.gauss(0, self.noise) for _ in range(self.rows * width)]
        tensor = {"name": "x", "shape": [self.rows, width], "datatype": "FP32", "data": data}
        return json.dumps({"inputs": [tensor]}).encode()


MODELS = (
    "released", "refusing", "split", "labelled", "schema", "rows", "tenants", "noticed", "harmless", "loaded", "steady",
    "quiet", "noisy", "disturbed", "drifting",
)  # fmt: skip


def version(folder: Path, name: str, number: int, delay_ms: float = 8.0, refused: float = REFUSED) -> None:
    """Written beside and moved there, as a deployment does."""
    made = folder.parent / f"{name}-{number}"
    made.mkdir()
    (made / "model.fake").write_text(MODEL.replace("DELAY", str(delay_ms)).replace("REFUSED", str(refused)))
    (folder / name).mkdir(exist_ok=True)
    made.rename(folder / name / str(number))


def repository(home: Path) -> Path:
    folder = home / "models"
    folder.mkdir()
    for name in MODELS:
        version(folder, name, 1)
        lane = "shared" if name in ("noisy", "disturbed") else "own"
        (folder / name / "model.toml").write_text(f'batching = {{ lane = "{lane}" }}\n')
    for name in ("split", "labelled"):
        (folder / name / "model.toml").write_text("labels = { stable = 1 }\n")
        version(folder, name, 2, 40.0)
    return folder


Findings = dict[str, list[dict[str, Any]]]


class Crowd:
    """Asks every model at its own rate until it is told to end."""

    def __init__(self, program: Program) -> None:
        self.host, _, port = program.http.rpartition(":")
        self.port = int(port)
        self.asking = {name: Asking() for name in MODELS}
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._tasks = [
            asyncio.create_task(self._ask(name, each)) for name, each in self.asking.items() for _ in range(3)
        ]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, name: str, asking: Asking) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            await self._go_on(name, asking, reader, writer)
        finally:
            writer.close()

    async def _go_on(
        self, name: str, asking: Asking, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + 3 / asking.rate, loop.time() - 0.5)
            await asyncio.sleep(max(0.0, due - loop.time()))
            body = asking.next()
            head = f"POST /v2/models/{name}/infer HTTP/1.1\r\nHost: localhost\r\nX-Tenant: {asking.tenant}\r\n"
            writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            lines = (line.partition(b":") for line in answer.split(b"\r\n"))
            length = next(int(value) for key, _, value in lines if key.lower() == b"content-length")
            await reader.readexactly(length)


def ask(program: Program, method: str, path: str, said: object = None) -> Any:
    body = None if said is None else json.dumps(said).encode()
    request = urllib.request.Request(f"http://{program.http}{path}", body, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = answer.read()
    return json.loads(content) if content else None


async def at_once(program: Program, folder: Path, crowd: Crowd) -> None:
    """Every incident of the first part."""
    asking, own = crowd.asking, "/v2/headrace/models"
    version(folder, "released", 2, 30.0)
    version(folder, "harmless", 2, 8.0)
    version(folder, "refusing", 2, refused=asking["refusing"].value)
    asking["schema"].wrong = 0.5
    asking["rows"].rows = 10
    asking["tenants"].tenant, asking["tenants"].rows = "b", 8
    asking["noticed"].value = REFUSED
    asking["drifting"].value += 5
    asking["loaded"].rate *= 3
    asking["noisy"].rate *= 3
    asking["noisy"].rows = 6
    split = {"weights": {"1": 0.5, "2": 0.5}}
    posts = [
        ("PUT", f"{own}/split/split", split),
        ("PUT", f"{own}/labelled/labels/stable", {"version": "2"}),
        ("POST", "/v2/headrace/changes", {"text": "the <feature> store was moved", "model": "noticed"}),
    ]
    for method, path, said in posts:
        await asyncio.to_thread(ask, program, method, path, said)


ROUNDS = 6
"""Of what is to be told, as long as it is not: where the machine was uneven before, more must be seen of it."""


async def slowed_until_told(program: Program) -> Findings:
    """What is found of the models to which nothing else happened."""
    found: Findings = {}
    for _ in range(ROUNDS):
        await slowed(program, AFTER_S - 1)
        found = {name: (await asyncio.to_thread(why, program, name)) for name in ("quiet", "steady")}
        if all(any(each["cause"]["kind"] == "system" for each in of) for of in found.values()):
            break
    return found


async def slowed(program: Program, seconds: int) -> None:
    """As by a hypervisor that gives the machine to others, again and again.

    It has it for less than a run takes, so that each run is held up; a request that comes meanwhile is read later, and
    has waited for nothing that a server sees.
    """
    for _ in range(seconds * 25):
        program.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.03)
        program.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.01)


async def first_part(program: Program, folder: Path) -> tuple[Findings, Findings]:
    """What is found of each model after the incidents, and after the machine was slow as well."""
    crowd = Crowd(program)
    crowd.asking["drifting"].noise = 0.3
    crowd.asking["drifting"].rate = 24.0  # what is usual is known, and a window behind it full, on slow machines too
    crowd.begin()
    await asyncio.sleep(BEFORE_S)
    await at_once(program, folder, crowd)
    await asyncio.sleep(AFTER_S)
    found = {name: (await asyncio.to_thread(why, program, name)) for name in MODELS}
    loop = asyncio.get_running_loop()
    slow_since_s = loop.time()
    slow = await slowed_until_told(program)
    await asyncio.sleep(loop.time() - slow_since_s)  # a start is held against a minute: no more of it is to be slow
    await crowd.end()
    return found, slow


async def second_part(program: Program) -> Findings:
    """What is found once other settings are told of: the first part left the machine uneven."""
    crowd = Crowd(program)
    crowd.begin()
    found: Findings = {}
    for _ in range(ROUNDS):
        await asyncio.sleep(AFTER_S)
        found = {"quiet": await asyncio.to_thread(why, program, "quiet")}
        if any(each["cause"]["kind"] == "config" for each in found["quiet"]):
            break
    await crowd.end()
    return found


def why(program: Program, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(program, "GET", f"/v2/headrace/why/{name}")["findings"]
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Findings, Findings, Findings]]:
    home = tmp_path_factory.mktemp("why")
    folder = repository(home)
    flags = ["workers.isolation=none", f"state.dir={home / 'state'}", "drift.reference=200", "drift.window=100"]
    more = ["batching.policy=fixed", "batching.max_delay_ms=80"]
    with serving(folder, *ANY_PORTS, *(word for flag in flags for word in ("--set", flag))) as program:
        found, slow = asyncio.run(first_part(program, folder))
        program.process.send_signal(signal.SIGTERM)
        program.process.wait(30)
    with serving(folder, *ANY_PORTS, *(word for flag in flags + more for word in ("--set", flag))) as program:
        yield found, slow, asyncio.run(second_part(program))


@pytest.mark.parametrize(
    ("name", "signal_kind", "cause"),
    [
        ("released", "latency", "release"),
        ("refusing", "errors", "release"),
        ("split", "latency", "release"),
        ("labelled", "latency", "release"),
        ("schema", "errors", "schema"),
        ("rows", "latency", "traffic"),
        ("tenants", "latency", "traffic"),
        ("noticed", "errors", "upstream"),
        ("disturbed", "latency", "neighbour"),
        ("drifting", "inputs", "inputs"),
    ],
)
def test_an_incident_is_told_with_its_cause(
    told: tuple[Findings, Findings, Findings], name: str, signal_kind: str, cause: str
) -> None:
    found = told[0][name]
    assert found[0]["cause"]["kind"] == cause, found
    assert signal_kind in {finding["signal"] for finding in found if finding["cause"]["kind"] == cause}, found


@pytest.mark.parametrize("name", ["harmless", "loaded", "steady", "quiet"])
def test_what_harmed_nobody_is_no_finding(told: tuple[Findings, Findings, Findings], name: str) -> None:
    assert {finding["cause"]["kind"] for finding in told[0][name]} <= {"unknown"}, told[0][name]


@pytest.mark.parametrize("name", ["steady", "quiet"])
def test_a_machine_that_is_slow_is_told_as_such(told: tuple[Findings, Findings, Findings], name: str) -> None:
    assert told[1][name][0]["cause"]["kind"] == "system", told[1][name]


def test_other_settings_are_told_after_a_start(told: tuple[Findings, Findings, Findings]) -> None:
    found = [each["cause"] for each in told[2]["quiet"] if each["cause"]["kind"] == "config"]
    assert found, told[2]
    assert "batching.policy deadline -> fixed" in found[0]["event"]["text"]
