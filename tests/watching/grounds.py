"""What a part of watching stands on in tests, and what it is asked over HTTP."""

from typing import Any

import msgspec

from headrace.observe.bus import Bus
from headrace.observe.metrics import Readings
from headrace.settings import Config
from headrace.watching.ground import Ground
from headrace.watching.part import Part
from tests.fakes import FakeClock
from tests.protocols.oip.stub import Stub


def ground(**tables: dict[str, Any]) -> Ground:
    """Settings as they are by default but for these, by table."""
    config = Config()
    for table, values in tables.items():
        changed = msgspec.structs.replace(getattr(config, table), **values)
        config = msgspec.structs.replace(config, **{table: changed})
    return Ground(config, Bus(), FakeClock(), Readings(lambda: 0, lambda: (), lambda: 0), None)


def paths(part: Part) -> set[str]:
    """Of its routes."""
    return {getattr(route, "path", "") for route in part.routes(Stub().front)}
