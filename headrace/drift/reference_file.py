"""A file of rows that show what is usual: arrays by tensor (.npz), of the only input (.npy), or features (.csv)."""

import csv
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, from_array
from headrace.drift.extract import KNOWN_AFTER, Extract, Rows
from headrace.drift.features import Part, Plan, SideName

MAX_BYTES = 256 << 20
MAX_ROWS = 10_000
"""Of more, so many are taken, evenly spaced."""

MIN_ROWS = 100

SIDES: tuple[SideName, ...] = ("inputs", "outputs")


class ReferenceInvalid(ValueError):
    """The file is no reference of the model; says which it is, why, and what would be right."""


def read_rows(path: Path, plan: Plan, extracts: Mapping[Part, Extract]) -> dict[SideName, Rows]:
    """The features' numbers, of those sides that the file has. Raises ReferenceInvalid."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ReferenceInvalid(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; give fewer rows")
        if path.suffix == ".csv":
            return _of_features(path, plan)
        return _of_tensors(path.name, _arrays(path, plan), plan, extracts)
    except (OSError, EOFError, BadZipFile, UnicodeDecodeError, csv.Error) as error:
        raise ReferenceInvalid(f"{path.name} cannot be read: {error}") from None


def _arrays(path: Path, plan: Plan) -> dict[str, NDArray[np.generic]]:
    names = list(dict.fromkeys(part.tensor for part in plan.inputs))
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.ndarray):
                if sum(each.file_size for each in loaded.zip.infolist()) > MAX_BYTES:
                    raise ReferenceInvalid(f"{path.name} unpacks to more than {MAX_BYTES >> 20} MiB; give fewer rows")
                arrays = {name: loaded[name] for name in loaded.files}
                if strange := [name for name, each in arrays.items() if not isinstance(each, np.ndarray)]:
                    raise ReferenceInvalid(f"{path.name} has {strange[0][:80]!r}, which is not an array of numpy's")
                return arrays
            if len(names) == 1:
                return {names[0]: loaded}
        message = f"{path.name} is one array, and the inputs are {', '.join(names)}; give a .npz with each"
        raise ReferenceInvalid(message)
    except (ReferenceInvalid, OSError, EOFError, BadZipFile):
        raise
    except Exception as error:
        # Of bytes that it did not write numpy says much: also what zlib and Python's tokenizer say.
        raise ReferenceInvalid(f"{path.name} is not a file of numpy arrays of numbers: {str(error)[:200]}") from None


def _of_tensors(
    file: str, arrays: Mapping[str, NDArray[np.generic]], plan: Plan, extracts: Mapping[Part, Extract]
) -> dict[SideName, Rows]:
    known = {part.tensor for part in (*plan.inputs, *plan.outputs)}
    for name in arrays:
        if name not in known:
            raise ReferenceInvalid(f"{file} has {name!r}; the model's tensors are {', '.join(sorted(known))}")
    found: dict[SideName, Rows] = {}
    for side in SIDES:
        parts = plan.inputs if side == "inputs" else plan.outputs
        there = {part.tensor for part in parts} & arrays.keys()
        if not there:
            continue
        if lacking := {part.tensor for part in parts} - there:
            raise ReferenceInvalid(f"{file} lacks {', '.join(sorted(lacking))}, which is one of the {side}")
        found[side] = np.concatenate([_of_part(file, part, arrays[part.tensor], extracts[part]) for part in parts], 1)
    _check_rows(file, found)
    return found


def _of_part(file: str, part: Part, array: NDArray[np.generic], extract: Extract) -> Rows:
    if not array.ndim:
        raise ReferenceInvalid(f"{part.tensor!r} in {file} is one number; give an array with a row for each request's")
    array = array[_evenly(len(array))]
    if part.datatype == "BF16":
        raise ReferenceInvalid(f"{part.tensor!r} is BF16, which numpy has not; leave its side out of {file}")
    if part.datatype != "BYTES":
        if array.dtype.kind not in "biuf":
            raise ReferenceInvalid(f"{part.tensor!r} in {file} is {array.dtype}; give {part.datatype}")
        array = array.astype(DATATYPES[part.datatype])
    quarter = int(len(array) * KNOWN_AFTER)
    halves = []
    for some, share in ((array[:quarter], KNOWN_AFTER), (array[quarter:], 1.0)):
        halves.append(extract.rows([from_array(part.tensor, some, part.datatype)], [len(some)]))
        extract.advance(share)
    rows = np.concatenate(halves)
    if np.isnan(rows).all():
        row = "x".join(map(str, array.shape[1:])) or "1"
        raise ReferenceInvalid(f"{part.tensor!r} in {file} has rows of {row}, which are not those of the model")
    return rows


def _of_features(path: Path, plan: Plan) -> dict[SideName, Rows]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        names = {side: plan.names(side) for side in SIDES}
        known = {name for side in SIDES for name in names[side]}
        for name in header:
            if name not in known:
                first = ", ".join([*names["inputs"], *names["outputs"]][:8])
                raise ReferenceInvalid(f"{path.name} has a column {name[:80]!r}; the features are {first}, ...")
        try:
            table = np.array([[float(cell or "nan") for cell in row] for row in reader if row])
        except ValueError as error:
            raise ReferenceInvalid(f"{path.name}: every line needs {len(header)} numbers: {error}") from None
    if table.ndim != 2 or table.shape[1] != len(header):
        raise ReferenceInvalid(f"{path.name}: every line needs {len(header)} numbers, one for each column")
    table = table[_evenly(len(table))]
    found: dict[SideName, Rows] = {}
    for side in SIDES:
        if set(names[side]) & set(header):
            column = {name: table[:, i] for i, name in enumerate(header)}
            nothing = np.full(len(table), np.nan)
            found[side] = np.column_stack([column.get(name, nothing) for name in names[side]])
    _check_rows(path.name, found)
    return found


def _check_rows(file: str, found: Mapping[SideName, Rows]) -> None:
    for side, rows in found.items():
        if len(rows) < MIN_ROWS:
            raise ReferenceInvalid(f"{file} has {len(rows)} rows of {side}; give {MIN_ROWS} or more")


def _evenly(rows: int) -> slice | NDArray[np.intp]:
    return slice(None) if rows <= MAX_ROWS else np.arange(MAX_ROWS) * rows // MAX_ROWS
