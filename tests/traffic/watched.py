"""Versions that keep what they are asked until the test answers, and a clock that stands still."""

import msgspec
import numpy as np

from headrace.arrays import from_array
from headrace.errors import HeadraceError
from headrace.records import Record
from headrace.servable import Cancel, Reply, Servable
from headrace.types import Backlog, BatchFacts, Context, ModelRef, ModelVersion, Request, Response
from tests.fakes import FakeClock, request, signature

FACTS = BatchFacts(1, 1, "idle", 0, 0, input_ns=1, infer_ns=3, output_ns=2)


class Version:
    """Keeps requests until the test answers."""

    signature = signature()

    def __init__(self, number: int) -> None:
        self.version = ModelVersion("m", number)
        self.asked: list[tuple[Request, Reply]] = []
        self.queued = 0

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.asked.append((request, reply))
        return lambda: None

    def answer(self, value: float | HeadraceError = 1.0, final: bool = True) -> None:
        """To the first request that waits."""
        _, reply = self.asked.pop(0)
        reply(value if isinstance(value, HeadraceError) else self.response(value, final))

    def response(self, value: float, final: bool = True) -> Response:
        return Response(self.version, (from_array("y", np.array([[value]], np.float32)),), FACTS, final)

    def backlog(self) -> Backlog:
        return Backlog(self.queued, 0)

    async def drain(self) -> None: ...

    async def close(self) -> None: ...


class Versions:
    """Those of one model."""

    def __init__(self, *numbers: int) -> None:
        self.clock = FakeClock()
        self.records: list[Record] = []
        self.there = {number: Version(number) for number in numbers}

    def find(self, name: str, version: int) -> Servable | None:
        return self.there.get(version)


def unversioned(value: float = 1.0) -> Request:
    """A request for whatever version answers."""
    return msgspec.structs.replace(request([[value, value]]), model=ModelRef("m"), context=Context(5))
