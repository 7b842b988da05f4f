"""A decoder on OpenVINO's CPU device with a paged key-value cache: tokens of any mix of sequences, a step at a time.

One token alone may come to have a graph of its own (`openvino_lone.py`), and so may steps of many tokens, computed in
bfloat16; all read and write the same cache.

Attention has two kernels, one for sequences that give one token to a step and one for those that give more, and each
gives the same bits for a sequence whatever stands beside it. What a step needs for that to hold where little is
computed is added to it (`filling.py`). Codes of 8 and 4 bits would make other ids of the last bit's difference:
activations are rounded too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headrace.errors import ModelInvalid, Unavailable
from headrace.runtimes.filling import filled_up
from headrace.runtimes.language import TokenBatch
from headrace.runtimes.openvino_lone import TRIALS
from headrace.runtimes.openvino_paged import CACHES, STEP_INPUTS, check_inputs
from headrace.runtimes.openvino_second import SecondGraph
from headrace.runtimes.pages_ahead import PagesAhead
from headrace.runtimes.reasons import is_out_of_memory

BLOCK_SIZE = 32  # tokens, hard-coded in the CPU plug-in


class OpenVinoLanguage:
    """Implements LanguageModel over compiled paged graphs; owns the cache."""

    block_size = BLOCK_SIZE

    def __init__(
        self,
        compiled: Any,
        max_context: int,
        threads: int,
        exact: bool = True,
        lone: SecondGraph | None = None,
        many: SecondGraph | None = None,
        many_from: int = 0,
    ) -> None:
        """`compiled`, for `threads` threads, is of a graph that went through `paged`; `lone` is of the same, for one
        token, and `many` for steps of `many_from` tokens and more.

        `exact`: a sequence has the same bits alone and in company, also where that takes longer; then there is no
        `many`. Raises ModelInvalid.
        """
        assert not (exact and many)
        check_inputs(compiled)
        self.max_context = max_context
        self._threads = threads
        self._exact = exact
        self._least_rows = 1  # of a step
        self.vocabulary = int(compiled.outputs[0].partial_shape[-1].get_length())
        self._any = _Pass(compiled)
        self._lone: _Pass | None = None
        self._lone_to_come = lone
        self._many: _Pass | None = None
        self._many_to_come = many
        self._many_from = many_from
        self._trials = 0  # steps yet that the graph for one token computes beside the other, to see if it is the same
        self._tried: NDArray[np.float32] | None = None  # what it gave for the step that runs
        self._running = self._any
        self._layouts = {
            name: (port.element_type, [size.get_length() for size in list(port.partial_shape)[1:]])
            for port in compiled.inputs
            if (name := port.any_name).startswith(CACHES)
        }
        for name, (_, shape) in self._layouts.items():
            if shape[-2] != BLOCK_SIZE:
                raise ModelInvalid(f"its blocks hold {shape[-2]} tokens, not {BLOCK_SIZE}", name)
        self.block_bytes = sum(_bytes(kind, shape) for kind, shape in self._layouts.values())
        self._caches: list[NDArray[np.uint8]] = []  # one row of bytes for each block
        self._ahead: list[PagesAhead] = []  # of caches whose rows are of one size
        self._rows = 0

    def allocate(self, num_blocks: int) -> None:
        """Make the cache, touching only block 0's pages, and see which products can be trusted with one row.

        Raises Unavailable where memory lacks.
        """
        try:
            for kind, shape in self._layouts.values():
                bytes_ = np.empty((num_blocks, _bytes(kind, shape)), np.uint8)
                self._caches.append(bytes_)  # a tensor does not hold it
            self._give_caches(self._any)
            sizes = {cache.shape[1] for cache in self._caches}
            self._ahead = [PagesAhead([each for each in self._caches if each.shape[1] == size]) for size in sizes]
        except (MemoryError, RuntimeError) as error:
            needed = num_blocks * self.block_bytes
            raise Unavailable(f"{needed} bytes for the key-value cache cannot be had", "llm.kv_memory") from error
        self._least_rows = 2 if self._exact and not self._is_alike_alone() else 1

    def start(self, batch: TokenBatch) -> None:
        """Begin a step. The batch's arrays are copied before this returns."""
        self._rows = batch.sample_at.size
        batch = filled_up(batch, self._threads, self._least_rows)
        self._running, self._tried = self._pass_of(batch), None
        if self._trials and self._running is self._lone:
            self._try(self._lone, batch)
            self._running = self._any  # behind it: what stays in the cache is this one's
        self._running.start(batch)
        if batch.blocks.size:
            highest = int(batch.blocks.max())
            for pages in self._ahead:
                pages.touch(highest)

    def wait(self) -> NDArray[np.float32]:
        """The logits [R, vocabulary] of the step that runs; valid until the next `start`. Raises Unavailable."""
        try:
            logits = self._running.wait()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise Unavailable("not enough memory for this step") from error
            raise
        if self._tried is not None and not np.array_equal(self._tried, logits):
            self._lone = None
        return logits.reshape(-1, self.vocabulary)[: self._rows]

    def rest(self) -> bool:
        """Make a page of the cache before a step needs it; whether there was one to make.

        Second graphs are begun, beside whatever comes next, if there are to be some; also true while one is yet to be.
        """
        to_begin = [each.begin() for each in (self._lone_to_come, self._many_to_come) if each is not None]
        return any(pages.rest() for pages in self._ahead) or any(to_begin)

    def copy_blocks(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy whole blocks, (from, to), in the order given; as bytes, whatever the cache's numbers are."""
        for source, target in pairs:
            for cache in self._caches:
                cache[target] = cache[source]

    def warm_up(self, num_tokens: int = BLOCK_SIZE) -> None:
        """One prompt and one further token on block 0, so that no request pays for the making of kernels."""
        for past, count in ((0, num_tokens), (num_tokens, 1)):
            num_blocks = -(-(past + count) // BLOCK_SIZE)
            self.start(
                TokenBatch(
                    np.zeros(count, np.int64),
                    np.arange(past, past + count),
                    np.array([past], np.int32),
                    np.array([0, count], np.int32),
                    np.zeros(num_blocks, np.int32),
                    np.array([0, num_blocks], np.int32),
                    np.array([count - 1]),
                )
            )
            self.wait()

    def _is_alike_alone(self) -> bool:
        """Whether products of one row have the bits that they have among others: which kernel a processor has for
        them is not told, so both are tried."""
        found = []
        for self._least_rows in (1, 2):
            self.start(LONE)
            found.append(self.wait().copy())
        return np.array_equal(found[0], found[1])

    def close(self) -> None:
        """Give the memory back."""
        self._ahead.clear()
        self._caches.clear()
        del self._any, self._lone, self._many, self._running

    def _pass_of(self, batch: TokenBatch) -> "_Pass":
        """What computes it: the graph for one token once that is there, if that has the same bits where it must; or
        the one for many."""
        if batch.token_ids.size == batch.sample_at.size == 1:
            if (lone := self._come(self._lone_to_come)) is not None:
                self._lone_to_come = None
                self._lone, self._trials = lone, TRIALS if self._exact else 0
            return self._lone or self._any
        if batch.token_ids.size >= self._many_from > 0:
            if (many := self._come(self._many_to_come)) is not None:
                self._many_to_come, self._many = None, many
            return self._many or self._any
        return self._any

    def _come(self, second: SecondGraph | None) -> "_Pass | None":
        """A graph that is there by now, on the same cache."""
        made = None if second is None else second.taken()
        if made is None:
            return None
        found = _Pass(made)
        self._give_caches(found)
        return found

    def _try(self, lone: "_Pass", batch: TokenBatch) -> None:
        self._trials -= 1
        try:
            lone.start(batch)
            self._tried = lone.wait().copy()
        except RuntimeError:  # the step has another that computes it
            self._lone = None

    def _give_caches(self, each: "_Pass") -> None:
        for (name, (kind, shape)), cache in zip(self._layouts.items(), self._caches, strict=True):
            each.request.set_tensor(name, ov.Tensor(cache, ov.Shape([len(cache), *shape]), kind))


LONE = TokenBatch(
    token_ids=np.zeros(1, np.int64),
    positions=np.zeros(1, np.int64),
    past_lens=np.zeros(1, np.int32),
    begins=np.array([0, 1], np.int32),
    blocks=np.zeros(1, np.int32),
    block_begins=np.array([0, 1], np.int32),
    sample_at=np.zeros(1, np.int64),
)
"""A sequence of one token, which has block 0."""


class _Pass:
    """A compiled graph's request, and the small tensors that it is fed with."""

    def __init__(self, compiled: Any) -> None:
        self.request = compiled.create_infer_request()
        self.feeds = {name: _Feed(self.request, name, kind) for name, kind in STEP_INPUTS.items()}

    def start(self, batch: TokenBatch) -> None:
        counts = batch.begins[1:] - batch.begins[:-1]
        fill = self.feeds
        fill["input_ids"](batch.token_ids)
        fill["position_ids"](batch.positions)
        fill["past_lens"](batch.past_lens)
        fill["subsequence_begins"](batch.begins)
        fill["block_indices"](batch.blocks)
        fill["block_indices_begins"](batch.block_begins)
        fill["max_context_len"]((batch.past_lens + counts).max())
        fill["sample_at"](batch.sample_at)
        self.request.start_async()

    def wait(self) -> NDArray[np.float32]:
        self.request.wait()
        logits: NDArray[np.float32] = self.request.get_output_tensor(0).data
        return logits


class _Feed:
    """One small input: a tensor that is kept while its shape stays, written in place."""

    def __init__(self, request: Any, name: str, kind: str) -> None:
        self._request = request
        self._name = name
        self._kind = {"i64": ov.Type.i64, "i32": ov.Type.i32}[kind]
        self._view: NDArray[Any] | None = None

    def __call__(self, values: Any) -> None:
        view = self._view
        if view is None or view.shape != values.shape:
            tensor = ov.Tensor(self._kind, ov.Shape(values.shape))
            self._request.set_tensor(self._name, tensor)
            self._view = view = tensor.data
        view[...] = values


def _bytes(kind: Any, shape: Sequence[int]) -> int:
    """Of one block."""
    return int(np.prod(shape)) * int(kind.bitwidth) // 8
