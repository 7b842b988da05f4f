"""One version of a model: its rows as they come, inputs and outputs, and what changed in them."""

from collections.abc import Generator, Iterator, Mapping, Sequence

import numpy as np

from headrace.drift.collecting import Collecting
from headrace.drift.comparison import TESTS
from headrace.drift.extract import Extract, Rows
from headrace.drift.features import Part, Plan, SideName, groups
from headrace.drift.level import share_of
from headrace.drift.moving import Moving
from headrace.drift.reference import Reference
from headrace.drift.side import Change, Side
from headrace.records import SampleRecord
from headrace.types import Tensor

SIDES: tuple[SideName, ...] = ("inputs", "outputs")


class VersionDrift:
    """Whoever makes it gives it the references that there are, and takes those that it makes."""

    def __init__(self, plan: Plan, extracts: Mapping[Part, Extract], window: int, reference: int, level: float) -> None:
        self.plan = plan
        self.window = window
        self.rows = 0  # that were looked at
        self.schema: tuple[str, ...] = ()  # how it differs from the version before it
        self.previous: int | None = None  # the version whose outputs it is compared with
        names = {side: plan.names(side) for side in SIDES}
        tests = sum(TESTS * len(each) + len(groups(each)) for each in names.values())
        self.sides = {side: Side(names[side], window, share_of(level, tests)) for side in SIDES}
        self.collecting: dict[SideName, Collecting | None] = {
            side: Collecting(names[side], reference) if names[side] else None for side in SIDES
        }
        self._extracts = {part: extracts[part] for part in (*plan.inputs, *plan.outputs)}
        self._moving = [
            (i, Moving(name)) for i, name in enumerate(names["outputs"]) if name.endswith((".score", ".entropy"))
        ]

    def numbers(self, records: Sequence[SampleRecord]) -> Generator[None, None, tuple[dict[SideName, Rows], list[int]]]:
        """The numbers of requests' rows, and how many rows each request has. There may be a pause after each tensor."""
        counts = [self.count(record) for record in records]
        found: dict[SideName, Rows] = {}
        for side in SIDES:
            of: list[Rows] = []
            for part in self.plan.inputs if side == "inputs" else self.plan.outputs:
                of.append(self._extracts[part].rows(_tensors(records, side, part.tensor), counts))
                yield
            found[side] = np.concatenate(of, axis=1) if of else np.zeros((sum(counts), 0))
        return found, counts

    def add(self, rows: Mapping[SideName, Rows], times_ns: Sequence[int]) -> Iterator[tuple[SideName, Change] | None]:
        """What changed by these rows, each with the time of its answer; None wherever there may be a pause."""
        outputs = self.sides["outputs"]
        for i, moving in self._moving:
            outputs.moved(moving.add(rows["outputs"][:, i]))
        for side in SIDES:
            for change in self.sides[side].add(rows[side], times_ns):
                yield None if change is None else (side, change)
        self.rows += len(times_ns)

    def collect(self, side: SideName, rows: Rows) -> Iterator[Reference | None]:
        """The side's own reference last, once these rows make it whole; None wherever there may be a pause."""
        collecting = self.collecting[side]
        if collecting is None:
            return
        for made in collecting.add(rows):
            if made is not None:
                self.collecting[side] = None
            yield made

    def count(self, record: SampleRecord) -> int:
        """Rows of a request."""
        if not self.plan.batched or not record.inputs or not record.inputs[0].shape:
            return 1
        return record.inputs[0].shape[0]


def _tensors(records: Sequence[SampleRecord], side: SideName, name: str) -> list[Tensor | None]:
    """The tensor of that name of each request; mostly it stands where it stood in the one before."""
    at = 0
    found: list[Tensor | None] = []
    for record in records:
        tensors = record.inputs if side == "inputs" else record.outputs
        if at >= len(tensors) or tensors[at].name != name:
            at = next((i for i, tensor in enumerate(tensors) if tensor.name == name), len(tensors))
        found.append(tensors[at] if at < len(tensors) else None)
    return found
