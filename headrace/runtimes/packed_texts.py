"""An encoder's texts, rows of arrays filled up to one length, by a graph that reads them one behind another."""

from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from headrace.errors import InputRefused, Unavailable
from headrace.runtimes.reasons import is_out_of_memory, openvino_reason
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import BatchAxis
from headrace.weights.checkpoint import Checkpoint

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"

ABSENT = -(1 << 31)
"""In the mask: no token at all, and nothing is computed. It is what rows are filled up with here; no client means it.
Where the mask is 0 there is a token that others do not see."""

SEEN, HIDDEN, NOT_THERE = 0, 1, 2  # the order in which a text's tokens are laid

OUTPUT = "last_hidden_state"

Longs = NDArray[np.int64]


class PackedTexts:
    """A file's encoder, computed by `graphs/packed_encoder.py`; it takes and gives what the file says.

    A row has the same bits alone and in any company. What it gives for tokens that are not there is zero.
    """

    coarse = False  # nothing of a row depends on others

    def __init__(self, file: LoadedModel, compiled: Any, checkpoint: Checkpoint, told: str) -> None:
        """`file` is the model as its own runtime computes it, and only asked what it takes and gives; `told` says in a
        few words how it is computed here."""
        self.inputs, self.outputs, self.platform = file.inputs, file.outputs, file.platform
        self.runtime = f"{file.runtime}, {told}"
        self._facts = checkpoint.architecture
        self._num_types = checkpoint.weights["types"].shape[0] if self._facts.types else 0  # 0: nothing depends on them
        self._request = compiled.create_infer_request()
        self._names = [port.any_name for port in compiled.inputs]

    def packed(self, axis: BatchAxis) -> BatchAxis:
        """What was found of its rows, and that those of several lengths cost no more than each by itself."""
        if axis.pad is None or axis.pad.mask != MASK:
            return axis
        values, lengths = {**axis.pad.values, MASK: ABSENT}, (1, self._facts.max_context)
        return replace(axis, pad=replace(axis.pad, values=values, lengths=lengths, packed=True))

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """The hidden states of each row's tokens. Raises InputRefused with the input at fault, or Unavailable where
        memory lacks."""
        ids, mask, types = self._read(arrays)
        rows, length = ids.shape
        laid = np.where(mask == ABSENT, NOT_THERE, np.where(mask == 0, HIDDEN, SEEN)).astype(np.int8)
        at, counts, seen = in_order(laid)
        places = at % length if length else at
        found = np.zeros((rows * length, self._facts.hidden), np.float32)
        if len(at):
            feed = {
                IDS: ids.reshape(-1)[at],
                "position_ids": places,
                TYPES: types.reshape(-1)[at],
                "begins": np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
                "seen": seen.astype(np.int32),
            }
            found[at] = self._computed(feed)
        return {OUTPUT: found.reshape(rows, length, self._facts.hidden)}

    def close(self) -> None:
        """Give the memory back."""
        del self._request

    def _read(self, arrays: Arrays) -> tuple[Longs, Longs, Longs]:
        """Ids, mask and types of one shape. Raises InputRefused."""
        if missing := [spec.name for spec in self.inputs if spec.name not in arrays]:
            raise InputRefused(f"missing: {', '.join(map(repr, missing))}", "inputs")
        ids = arrays[IDS].astype(np.int64)
        mask = arrays[MASK].astype(np.int64)
        types = arrays[TYPES].astype(np.int64) if TYPES in arrays else np.zeros_like(ids)
        for name, array in ((IDS, ids), (MASK, mask), (TYPES, types)):
            if array.ndim != 2 or array.shape != ids.shape:
                raise InputRefused(f"is of shape {list(array.shape)}, must be [texts, tokens] as {IDS}", name)
        if ids.shape[1] > self._facts.max_context:
            raise InputRefused(f"has {ids.shape[1]} tokens a text, the model takes {self._facts.max_context}", IDS)
        if (wrong := mask[(mask < 0) & (mask != ABSENT) | (mask > 1)]).size:
            raise InputRefused(f"has {wrong[0]}, must be 0 or 1", MASK)
        ids = _places(ids, IDS, self._facts.vocabulary)
        return ids, mask, _places(types, TYPES, self._num_types) if self._num_types else types

    def _computed(self, feed: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        try:
            self._request.infer({name: feed[name] for name in self._names}, share_inputs=True)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise Unavailable("not enough memory for these texts") from error
            raise InputRefused(openvino_reason(str(error))) from error
        states: NDArray[np.float32] = self._request.get_output_tensor(0).data
        return states


def in_order(laid: NDArray[np.int8]) -> tuple[Longs, Longs, Longs]:
    """How tokens [rows, length] of SEEN, HIDDEN and NOT_THERE are laid one behind another, text by text, those that are
    seen first: where each stands in the array made flat; how many there are of each text; and how many of these are
    seen, which are all where none is."""
    rows, length = laid.shape
    counts, seen = (laid != NOT_THERE).sum(axis=1), (laid == SEEN).sum(axis=1)
    order = np.argsort(laid, axis=1, kind="stable") + np.arange(rows)[:, None] * length
    return order[np.arange(length) < counts[:, None]], counts, np.where(seen > 0, seen, counts)


def _places(numbers: Longs, name: str, size: int) -> Longs:
    """Places in a table, those below zero counted from its end. Raises InputRefused."""
    if numbers.size and (numbers.min() < -size or numbers.max() >= size):
        wrong = numbers[(numbers < -size) | (numbers >= size)][0]
        raise InputRefused(f"has {wrong}, must be from {-size} to {size - 1}", name)
    return np.where(numbers < 0, numbers + size, numbers)
