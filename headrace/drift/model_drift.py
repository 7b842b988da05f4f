"""One model: inputs are compared over all its versions, outputs version by version, each with the one before too."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from headrace.drift.extract import Extract, Rows
from headrace.drift.features import Part, SideName, plan
from headrace.drift.feedback import Feedback
from headrace.drift.kept import KeptModel, packed, read, remove, unpacked, write
from headrace.drift.predictions import predictions
from headrace.drift.reference import Reference, make_reference
from headrace.drift.side import Change
from headrace.drift.version_drift import SIDES, VersionDrift
from headrace.observe_settings import Drift
from headrace.records import DriftEvent, SampleRecord
from headrace.types import DriftChoices, ModelVersion, Signature

KEPT = 4
"""Versions of a model whose outputs are remembered, those that are unloaded among them."""

log = logging.getLogger(__name__)


Aside = Callable[[], None]
"""What takes long, and is done before the next step, in a thread."""


class Watched(msgspec.Struct, frozen=True):
    """What a model is, and how it is to be watched."""

    signature: Signature
    choices: DriftChoices = DriftChoices()


class ModelDrift:
    """Takes what requests of one model held, and tells what changed."""

    def __init__(self, name: str, settings: Drift, epoch_ns: int, folder: Path | None = None) -> None:
        """`epoch_ns` is the Unix time at which the records' clock was zero; what is usual is kept in `folder`."""
        self.name = name
        self.versions: dict[int, VersionDrift] = {}
        self.inputs: Reference | None = None
        self.problem = ""  # why a reference's file is not used
        self._settings = settings
        self._epoch_ns = epoch_ns
        self._extracts: dict[Part, Extract] = {}
        self._outputs: OrderedDict[int, Reference] = OrderedDict()  # by version, the latest last
        self._names: Mapping[SideName, tuple[str, ...]] = {}  # the features of the version that began last
        self._latest: int | None = None  # that version
        self._is_file_read = False
        self._from_file: Reference | None = None  # of outputs, where the file has them
        self._folder = folder
        self._begun = False  # what was kept has been read

    def add(
        self, version: int, watched: Watched, records: Sequence[SampleRecord], feedback: Feedback
    ) -> Iterator[DriftEvent | Aside | None]:
        """What changed by these requests of a version; None wherever there may be a pause, and what is to be done in
        one."""
        if version not in self.versions:
            yield from self._begin(version, watched, records[0].finished_ns)
        drift = self.versions[version]
        rows, counts = yield from drift.numbers(records)
        if self.versions.get(version) is not drift:  # it was forgotten meanwhile
            return
        feedback.keep(records, counts, predictions(drift.plan, rows["outputs"], watched.signature, self._extracts))
        times_ns = np.repeat([record.finished_ns for record in records], counts).tolist()
        for told in drift.add(rows, times_ns):
            yield None if told is None else self._event(version, *told)
        yield from self._collect(version, drift, rows)

    def forget(self, now_ns: int, version: int | None = None) -> list[DriftEvent]:
        """What was usual is to be seen anew, of a version or of all; alarms that end by it."""
        ended: list[DriftEvent] = []
        for number in list(self.versions):
            if version in (None, number):
                ended += self._ended(number, self.versions.pop(number), now_ns)
                self._outputs.pop(number, None)
        if version is None:
            self.inputs = None
            self._outputs.clear()
            self._extracts.clear()
            self._from_file, self._latest, self._names = None, None, {}
            self._is_file_read, self.problem = False, ""
            self._begun = True
            if self._folder is not None:
                remove(self._folder, self.name)
        return ended

    def unloaded(self, version: int, now_ns: int) -> Iterator[DriftEvent | None]:
        """It answers no more: its alarms end. What its outputs were like is kept for the version after it."""
        drift = self.versions.pop(version, None)
        if drift is None:
            return
        yield from self._ended(version, drift, now_ns)
        collecting = drift.collecting["outputs"]
        if collecting is not None:
            for made in collecting.early(self._settings.window):
                self._keep(version, made)
                yield None

    def _begin(self, version: int, watched: Watched, now_ns: int) -> Iterator[DriftEvent | Aside | None]:
        """Make what watches a version, with every reference that there is for it."""
        settings, choices = self._settings, watched.choices
        made = plan(watched.signature, settings.max_features)
        for part in (*made.inputs, *made.outputs):
            self._extracts.setdefault(part, Extract(part))
        wanted = choices.reference if isinstance(choices.reference, int) else settings.reference
        drift = VersionDrift(made, self._extracts, choices.window or settings.window, wanted, settings.level)
        if choices.file is not None and not self._is_file_read and not self.problem:
            yield from self._read(choices.file, drift)
        elif not self._begun and self._folder is not None:
            yield from self._read_kept(self._folder)
        self._begun = True
        yield from self._compare_with_previous(version, drift)
        outputs = drift.sides["outputs"]
        if own := self._outputs.get(version):
            outputs.references["reference"] = own.only(outputs.names)
            drift.collecting["outputs"] = None
        if self._from_file is not None:
            outputs.references["reference"] = self._from_file.only(outputs.names)
            drift.collecting["outputs"] = None
        elif choices.reference == "previous" and "previous" in outputs.references:
            drift.collecting["outputs"] = None
        if changed := self._schema(drift):
            drift.schema = changed
            for state in ("alarm", "quiet"):  # it is a moment
                yield self._told(version, changed[0], state, now_ns)
        self._join_inputs(drift)
        self.versions[version] = drift
        self._latest = version

    def _compare_with_previous(self, version: int, drift: VersionDrift) -> Iterator[None]:
        """With the version that answered last before this one."""
        previous = self._latest
        if previous is None or previous == version:
            return
        running = self.versions.get(previous)
        collecting = running.collecting["outputs"] if running else None
        if previous not in self._outputs and collecting is not None:
            for made in collecting.early(self._settings.window):
                self._keep(previous, made)
                yield None
        if before := self._outputs.get(previous):
            drift.previous = previous
            drift.sides["outputs"].references["previous"] = before.only(drift.plan.names("outputs"))

    def _schema(self, drift: VersionDrift) -> tuple[str, ...]:
        """Features that this version has and the last one had not, with +, and those that it lacks, with -."""
        names = {side: drift.plan.names(side) for side in SIDES}
        before, self._names = self._names, names
        if not before:
            return ()
        gone = [f"-{name}" for side in SIDES for name in before[side] if name not in names[side]]
        return (*gone, *(f"+{name}" for side in SIDES for name in names[side] if name not in before[side]))

    def _join_inputs(self, drift: VersionDrift) -> None:
        """Have inputs compared with what the model's were, whichever version was asked."""
        side = drift.sides["inputs"]
        known = self.inputs.only(side.names) if self.inputs is not None else None
        if known is None or not known.columns:
            return
        side.references["reference"] = known
        if len(known.columns) == len(side.names):
            drift.collecting["inputs"] = None

    def _read(self, file: Path, drift: VersionDrift) -> Iterator[Aside | None]:
        """Take a reference from a file; what is wrong with it is kept to be told, and the first rows serve instead."""
        rows: dict[SideName, Rows] = {}

        def read() -> None:
            from headrace.drift.reference_file import ReferenceInvalid, read_rows  # few models have one

            try:
                rows.update(read_rows(file, drift.plan, self._extracts))
            except ReferenceInvalid as error:
                self.problem = str(error)
                log.warning("the reference of model %s is not used: %s", self.name, error)

        yield read
        if self.problem:
            return
        self._is_file_read = True
        for side, matrix in rows.items():
            for made in make_reference(drift.plan.names(side), matrix):
                if made is not None and side == "inputs":
                    self.inputs = msgspec.structs.replace(made, source="file")
                elif made is not None:
                    self._from_file = msgspec.structs.replace(made, source="file")
                yield None

    def _read_kept(self, folder: Path) -> Iterator[Aside]:
        """Take up what was kept of an earlier start."""
        found: list[KeptModel] = []

        def look() -> None:
            if (kept := read(folder, self.name)) is not None:
                found.append(kept)

        yield look
        for kept in found:
            try:
                for part, extract in self._extracts.items():
                    if known := kept.known.get(f"{part.side}/{part.tensor}"):
                        extract.know(*known)
                outputs = {version: unpacked(each) for version, each in kept.outputs.items()}
                self.inputs = None if kept.inputs is None else unpacked(kept.inputs)
            except ValueError as error:
                log.warning("what was usual of model %s is no good, and is seen anew: %s", self.name, error)
                return
            self._outputs.update(outputs)
            self._names = {side: kept.names.get(side, ()) for side in SIDES} if kept.names else {}
            self._latest = kept.latest

    def _write_kept(self) -> Iterator[Aside]:
        """Keep what is usual now for the next start."""
        folder, inputs, outputs = self._folder, self.inputs, dict(self._outputs)
        if folder is None or self._is_file_read:
            return
        known = {f"{part.side}/{part.tensor}": extract.known() for part, extract in self._extracts.items()}
        names = {str(side): features for side, features in self._names.items()}
        latest = self._latest

        def keep() -> None:
            held = None if inputs is None else packed(inputs)
            each = {version: packed(reference) for version, reference in outputs.items()}
            write(folder, KeptModel(self.name, held, each, names, latest, known))

        yield keep

    def _collect(self, version: int, drift: VersionDrift, rows: Mapping[SideName, Rows]) -> Iterator[Aside | None]:
        if self.versions.get(version) is not drift:
            return
        before = self.inputs, drift.sides["outputs"].references.get("reference")
        for side in SIDES:
            for made in drift.collect(side, rows[side]):
                if self.versions.get(version) is not drift:
                    return
                if made is not None and side == "inputs":
                    self.inputs = made
                    for each in self.versions.values():
                        self._join_inputs(each)
                elif made is not None:
                    drift.sides["outputs"].references["reference"] = made
                    self._keep(version, made)
                yield None
            collecting = drift.collecting[side]
            share = 1.0 if collecting is None else collecting.share
            for part in drift.plan.inputs if side == "inputs" else drift.plan.outputs:
                self._extracts[part].advance(share)
        after = self.inputs, drift.sides["outputs"].references.get("reference")
        if any(one is not other for one, other in zip(before, after, strict=True)):
            yield from self._write_kept()

    def _keep(self, version: int, made: Reference | None) -> None:
        if made is None:
            return
        self._outputs[version] = made
        self._outputs.move_to_end(version)
        if len(self._outputs) > KEPT:
            self._outputs.popitem(last=False)

    def _event(self, version: int, side: str, change: Change) -> DriftEvent:
        crossing, state = change.crossing, "alarm" if change.begins else "quiet"
        score, began_s, ended_s = crossing.score, self._unix(change.began_ns), self._unix(change.ended_ns)
        of = ModelVersion(self.name, version)
        return DriftEvent(
            of, score.feature, side, state, crossing.against, score.test, crossing.ratio, began_s, ended_s
        )

    def _ended(self, version: int, drift: VersionDrift, now_ns: int) -> list[DriftEvent]:
        """The ends of a version's alarms, which nobody would tell any more."""
        return [
            self._event(version, side, Change(False, crossing, now_ns, now_ns))
            for side in SIDES
            for crossing in drift.sides[side].alarms.clear()
        ]

    def _told(self, version: int, feature: str, state: str, now_ns: int) -> DriftEvent:
        of, now_s = ModelVersion(self.name, version), self._unix(now_ns)
        return DriftEvent(of, feature, "schema", state, "previous", "schema", 1.0, now_s, now_s)

    def _unix(self, now_ns: int) -> float:
        return (self._epoch_ns + now_ns) / 1e9
