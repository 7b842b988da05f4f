"""May rows of several lengths share a run? They are run alone, then filled up to the longest, and held together."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from headrace.errors import HeadraceError
from headrace.runtimes.compare import Company
from headrace.runtimes.pad_axis import PadChoice
from headrace.runtimes.pad_compare import Filled, hold, levelled
from headrace.runtimes.pad_rows import filled_up, groups, length_of
from headrace.runtimes.rows import Rows
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import PadAxis, TensorSpec

MOST_S = 5.0
"""How long padding that nobody asked for is tried."""

TELLING = 1e-3
"""What answers to different rows must differ by at the least, so that a wrong one would be seen."""

Following = Mapping[str, tuple[int, ...]]
"""Of each output, the dimensions that are as long as a row's inputs."""


class _Refused(Exception):
    """Why rows are not padded, in words."""


class _Answer(NamedTuple):
    """What a row of some length gives alone."""

    row: Arrays
    length: int
    outputs: Arrays


def probe_padding(
    model: LoadedModel, choice: PadChoice, rows: Rows, tolerance: float, most_s: float | None = MOST_S
) -> PadAxis | str:
    """Whether rows may be filled up along the chosen dimension, or why they may not.

    `rows`, all of one shape, have run alone. None for `most_s`: as long as it takes.
    """
    try:
        return _probed(model, choice, rows, tolerance, None if most_s is None else time.monotonic() + most_s)
    except _Refused as refused:
        return str(refused)
    except HeadraceError as error:
        return f"rows that run alone do not run padded: {error.message}"


def _probed(
    model: LoadedModel, choice: PadChoice, rows: Rows, tolerance: float, deadline_s: float | None
) -> PadAxis | str:
    if not all(length_of(choice, row) for row in rows):
        raise _Refused("the inputs that have the dimension were not found to run with one length")
    _must_differ(model, rows, min(tolerance, TELLING))
    found, following = Filled(), None
    for group in groups(choice, rows):
        answers = _alone(model, choice, group)
        if not answers:
            continue
        follows = _following(answers, model.outputs)
        if following not in (None, follows):
            raise _Refused("which dimensions of an output are as long as the inputs depends on their lengths")
        following = follows
        for order in (answers, answers[::-1]):
            found = found.and_of(_together(model, choice, order, following, tolerance))
        if not (found.company.within or (found.in_noise and model.coarse)):
            break
        if deadline_s is not None and time.monotonic() > deadline_s:
            raise _Refused("it takes long to try; the configuration may ask for it")
    if following is None:
        raise _Refused("rows of other lengths than the usual ones do not run, or give no finite answer")
    return _verdict(choice, following, found, lambda: model.coarse)


def _verdict(choice: PadChoice, following: Following, found: Filled, coarse: Callable[[], bool]) -> PadAxis | str:
    """The decision: equal, or moved no more than the model's own noise, or not to be padded."""
    company = found.company
    if company.why:
        return company.why
    if company.within:
        why = "the same alone and padded" + (f", to {company.difference:.1e}" if company.difference else "")
    elif found.in_noise and coarse():
        why = f"padded, {company.moved()}: the noise of a quantised model"
    else:
        return f"padded, {company.moved()}"
    return PadAxis(choice.axis, dict(choice.values), following, choice.mask, company.difference, why)


def _must_differ(model: LoadedModel, rows: Rows, tolerance: float) -> None:
    """Raises _Refused where all rows have one answer, by which nothing could be told."""
    first, *others = (model.run(row, ()) for row in rows)
    if all(hold([first], other, model.outputs, tolerance).company.within for other in others):
        raise _Refused("its answers hardly depend on its inputs: what padding does to them cannot be told")


def _alone(model: LoadedModel, choice: PadChoice, rows: Rows) -> list[_Answer]:
    """What each row gives by itself; nothing where one does not run, or where all are of one length."""
    lengths = [length_of(choice, row) for row in rows]
    if len(set(lengths)) == 1:
        return []
    try:
        answers = [_Answer(row, length, model.run(row, ())) for row, length in zip(rows, lengths, strict=True)]
    except HeadraceError:
        return []
    floats = [array for answer in answers for array in answer.outputs.values() if array.dtype.kind == "f"]
    return answers if all(np.isfinite(array).all() for array in floats) else []


def _following(answers: Sequence[_Answer], specs: Sequence[TensorSpec]) -> Following:
    """The dimensions of outputs that are as long as the row. Raises _Refused where one has a length of its own."""
    following = {}
    lengths = tuple(answer.length for answer in answers)
    for spec in specs:
        shapes = [answer.outputs[spec.name].shape for answer in answers]
        if len(set(map(len, shapes))) != 1:
            raise _Refused(f"the number of dimensions of output {spec.name!r} depends on the length of a row")
        sizes = list(zip(*shapes, strict=True))
        axes = tuple(axis for axis, found in enumerate(sizes) if axis and found == lengths)
        for axis, found in enumerate(sizes):
            if axis not in axes and len(set(found)) != 1:
                sees = f"is {found[0]} for a row of {lengths[0]} and {found[-1]} for one of {lengths[-1]}"
                raise _Refused(f"dimension {axis} of output {spec.name!r} {sees}: it cannot be cut to a row's length")
        if axes:
            following[spec.name] = axes
    return following


def _together(
    model: LoadedModel, choice: PadChoice, answers: Sequence[_Answer], following: Following, tolerance: float
) -> Filled:
    """What becomes of rows that are filled up to the longest and run in one."""
    longest = max(answer.length for answer in answers)
    datatypes = {spec.name: spec.datatype for spec in model.inputs}
    together = dict(model.run(filled_up(choice, [answer.row for answer in answers], datatypes, longest), ()))
    alone = [dict(answer.outputs) for answer in answers]
    for name, axes in following.items():
        whole = together[name]
        if len(whole) != len(answers) or any(whole.shape[axis] != longest for axis in axes):
            return Filled(Company(f"output {name!r} is of shape {list(whole.shape)} for rows of up to {longest}"))
        for row, answer in zip(alone, answers, strict=True):
            row[name] = levelled(row[name], axes, answer.length, longest)
        rows = [
            levelled(whole[index : index + 1], axes, answer.length, longest) for index, answer in enumerate(answers)
        ]
        together[name] = np.concatenate(rows)
    return hold(alone, together, model.outputs, tolerance)
