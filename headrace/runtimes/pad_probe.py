"""May rows of several lengths share a run? They are run alone, then filled up to the longest, and held together."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from headrace.errors import HeadraceError
from headrace.runtimes.compare import Company
from headrace.runtimes.pad_axis import PadChoice
from headrace.runtimes.pad_compare import Filled, hold, levelled
from headrace.runtimes.pad_rows import filled_up, groups, length_of, longer
from headrace.runtimes.rows import Rows
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import PadAxis, TensorSpec

MOST_S = 5.0
"""How long padding that nobody asked for is tried."""

LONGER_S = 1.0
"""Of the processors' time, that longer and longer rows are tried; the next is taken to need twice that of the last."""

MOST_ANSWERED = 1 << 21  # elements of an answer, past which no longer row is tried

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
    found, following, shortest, reached = Filled(), None, None, 0
    for group in groups(choice, rows):
        answers = _alone(model, choice, group)
        if not answers:
            continue
        follows = _following(answers, model.outputs)
        if following not in (None, follows):
            raise _Refused("which dimensions of an output are as long as the inputs depends on their lengths")
        following = follows
        longest = max(answer.length for answer in answers)
        reached = max(reached, longest)
        found = found.and_of(_together(model, choice, answers, following, longest, tolerance))
        if not _passes(model, found):
            return _refusal(found)
        shortest = min([*answers, *([shortest] if shortest else [])], key=lambda answer: answer.length)
        if deadline_s is not None and time.monotonic() > deadline_s:
            raise _Refused("it takes long to try; the configuration may ask for it")
    if following is None or shortest is None:
        raise _Refused("rows of other lengths than the usual ones do not run, or give no finite answer")
    for length, further in _lengthened(model, choice, shortest, following, longer(choice, rows[0]), tolerance):
        found = found.and_of(further)
        if not _passes(model, found):
            return _refusal(found)
        reached = length
    company, lengths = found.company, (shortest.length, reached)
    values = dict(choice.values)
    return PadAxis(choice.axis, values, following, choice.mask, company.difference, _in_words(company), lengths)


def _passes(model: LoadedModel, found: Filled) -> bool:
    """Whether answers are the same padded, or moved no more than by the model's own noise."""
    return not found.company.why and (found.company.within or (found.in_noise and model.coarse))


def _refusal(found: Filled) -> str:
    return found.company.why or f"padded, {found.company.moved()}"


def _in_words(company: Company) -> str:
    if not company.within:
        return f"padded, {company.moved()}: the noise of a quantised model"
    return "the same alone and padded" + (f", to {company.difference:.1e}" if company.difference else "")


def _lengthened(
    model: LoadedModel,
    choice: PadChoice,
    short: _Answer,
    following: Following,
    lengths: Iterable[int],
    tolerance: float,
) -> Iterator[tuple[int, Filled]]:
    """What becomes of a row that is filled up to these lengths, as far as the model and the time allow."""
    began_s = time.process_time()  # whatever others do with the cores
    for length in lengths:
        if _answered(short, following, length) > MOST_ANSWERED:
            return
        before_s = time.process_time()
        try:
            yield length, _together(model, choice, [short], following, length, tolerance)
        except HeadraceError:
            return  # it takes none so long
        now_s = time.process_time()
        if now_s - began_s + 2 * (now_s - before_s) > LONGER_S:
            return


def _answered(short: _Answer, following: Following, length: int) -> int:
    """Elements of the answer, were the row so long."""
    return sum(
        prod(length if axis in following.get(name, ()) else size for axis, size in enumerate(array.shape))
        for name, array in short.outputs.items()
    )


def _must_differ(model: LoadedModel, rows: Rows, tolerance: float) -> None:
    """Raises _Refused where all rows have one answer, by which nothing could be told."""
    first, *others = (model.run(row, ()) for row in rows)
    if all(hold([first], other, model.outputs, tolerance).company.within for other in others):
        raise _Refused("its answers hardly depend on its inputs: what padding does to them cannot be told")


def _alone(model: LoadedModel, choice: PadChoice, rows: Rows) -> list[_Answer]:
    """What each row gives by itself, of those that run; nothing where they are all of one length."""
    answers = [answer for row in rows if (answer := _answer(model, choice, row))]
    return answers if len({answer.length for answer in answers}) > 1 else []


def _answer(model: LoadedModel, choice: PadChoice, row: Arrays) -> _Answer | None:
    """None where it does not run, or is not finite."""
    try:
        outputs = model.run(row, ())
    except HeadraceError:
        return None
    floats = [array for array in outputs.values() if array.dtype.kind == "f"]
    finite = all(np.isfinite(array).all() for array in floats)
    return _Answer(row, length_of(choice, row), outputs) if finite else None


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
    model: LoadedModel,
    choice: PadChoice,
    answers: Sequence[_Answer],
    following: Following,
    longest: int,
    tolerance: float,
) -> Filled:
    """What becomes of rows that are filled up to this length and run in one."""
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
