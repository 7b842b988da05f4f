"""A study as values: what JSON, the table and the page are made of."""

import msgspec

from headrace.simulate.scenario import Scenario
from headrace.simulate.study import Capacity, Point


class Report(msgspec.Struct, frozen=True):
    """A whole study."""

    model: str
    times: str  # where they are from
    objective: str
    arrivals: str
    lengths: str
    scenario: Scenario
    started: str  # ISO 8601
    version: str  # of headrace
    command: str
    took_s: float
    points: list[Point]
    capacities: list[Capacity]
    attainment: float  # that a rate must keep to be held
    ended: str = ""  # why it ended before its time
    format: int = 1
