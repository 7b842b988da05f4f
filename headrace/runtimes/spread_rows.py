"""A model whose batches may be spread over the cores: each runs some of the rows, by itself.

The threads of one run wait for one another at each of its operators, and read what the others wrote: where the cores
are far apart, or one is taken away for a moment, all of them stand still. Rows need nothing of one another. A second
session of one thread each shares them out; it is made once enough time went into batches to be worth its memory, in
the background; where a model stands in for one that has it, it is made before the first batch.
"""

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np

from headrace.errors import HeadraceError
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.runtimes.spread_choice import SHORTEST_NS, SpreadChoice

log = logging.getLogger(__name__)

WORTH_NS = 2_000_000_000
"""Spent on batches that could have been spread, before a second session is made."""

NICE = 10  # of the thread that makes it: what is asked meanwhile goes first

Background = Callable[[Callable[[], None]], None]


class SpreadRows:
    """A loaded model that runs whole or spread, whichever was quicker for such a batch lately."""

    def __init__(
        self,
        model: LoadedModel,
        load_one: Callable[[], LoadedModel],
        cores: int,
        has_room: Callable[[], bool],
        now_ns: Callable[[], int] = time.perf_counter_ns,
        in_background: Background | None = None,
    ) -> None:
        """`load_one` loads the model for one thread, as something that several threads may call at once; `has_room`
        says whether there is memory for it. All rows of `model` are known to be independent."""
        self.inputs, self.outputs = model.inputs, model.outputs
        self.platform, self.runtime = model.platform, model.runtime
        self._model = model
        self._load_one = load_one
        self._cores = cores
        self._has_room = has_room
        self._now_ns = now_ns
        self._in_background = in_background or _in_background
        self._choice = SpreadChoice()
        self._worth_ns = 0
        self._one: LoadedModel | None = None
        self._is_settled = False  # whether there is one, or will never be
        self._is_closed = False
        self._others: ThreadPoolExecutor | None = None

    @property
    def spreads(self) -> bool:
        """Whether there is a second session."""
        return self._one is not None

    def get_ready(self) -> None:
        """Make the second session now: what this stands in for had one."""
        self._is_settled = True
        self._make_one()

    @property
    def coarse(self) -> bool:
        return self._model.coarse

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Compute; raises what the model raises."""
        rows = _rows(arrays)
        if rows < self._cores:
            return self._model.run(arrays, outputs)
        if self._one is None:
            return self._whole(arrays, outputs)
        row_bytes = sum(array.nbytes for array in arrays.values()) // rows
        spread = self._choice.spreads(rows, row_bytes)
        began_ns = self._now_ns()
        results = self._spread(self._one, arrays, outputs, rows) if spread else self._model.run(arrays, outputs)
        self._choice.took(rows, row_bytes, spread, self._now_ns() - began_ns)
        return results

    def close(self) -> None:
        self._is_closed = self._is_settled = True
        if self._others is not None:
            self._others.shutdown()
        self._leave_one()
        self._model.close()

    def _whole(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        """And see whether such runs are worth a second session."""
        began_ns = self._now_ns()
        results = self._model.run(arrays, outputs)
        run_ns = self._now_ns() - began_ns
        if run_ns >= SHORTEST_NS and not self._is_settled:
            self._worth_ns += run_ns
            if self._worth_ns >= WORTH_NS:
                self._is_settled = True
                self._in_background(self._make_one)
        return results

    def _make_one(self) -> None:
        if not self._has_room():
            log.info("batches run on all threads at once: there is no room for a second session")
            return
        try:
            one = self._load_one()
        except (HeadraceError, MemoryError) as error:
            log.info("batches run on all threads at once: %s", error)
            return
        if self._is_closed:
            one.close()
            return
        self._others = ThreadPoolExecutor(self._cores - 1, "rows")
        self._one = one

    def _leave_one(self) -> None:
        if self._one is not None:
            self._one.close()
            self._one = None

    def _spread(self, one: LoadedModel, arrays: Arrays, outputs: tuple[str, ...], rows: int) -> Arrays:
        assert self._others is not None
        ends = [rows * part // self._cores for part in range(self._cores + 1)]
        first, *others = (
            {name: array[begin:end] for name, array in arrays.items()} for begin, end in itertools.pairwise(ends)
        )
        under_way: list[Future[Arrays]] = [self._others.submit(one.run, part, outputs) for part in others]
        try:
            parts = [one.run(first, outputs)]
        finally:
            wait(under_way)  # its arrays are the caller's again when this returns
        parts += [each.result() for each in under_way]
        if not _join(parts):
            log.info("batches run on all threads at once: the outputs of rows depend on which are together")
            self._leave_one()
            return self._model.run(arrays, outputs)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rows(arrays: Arrays) -> int:
    """That all of them have; 0 where they are not of one mind."""
    sizes = {array.shape[0] if array.ndim else 0 for array in arrays.values()}
    return sizes.pop() if len(sizes) == 1 else 0


def _join(parts: list[Arrays]) -> bool:
    """Whether each output's parts are alike but for how many rows they have."""
    return all(len({part[name].shape[1:] for part in parts}) == 1 and array.ndim for name, array in parts[0].items())


def _in_background(work: Callable[[], None]) -> None:
    def nicely() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        work()

    threading.Thread(target=nicely, name="second-session", daemon=True).start()
