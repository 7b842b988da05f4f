"""The answers of one model version that are kept: by fingerprint, within so many bytes, for so long. Pure."""

from collections import OrderedDict
from typing import NamedTuple

import msgspec

from headrace.caching.fingerprint import Fingerprint
from headrace.types import CacheFacts, Response, Tensor

ANSWER_BYTES = 1024
TENSOR_BYTES = 512
"""What an answer and each of its tensors take beside the data; rather too much."""


class _Kept(NamedTuple):
    response: Response
    num_bytes: int
    kept_ns: int


class ResponseCache:
    """Owns copies of answers; those not asked for the longest make room for others. Time comes in."""

    def __init__(self, max_bytes: int, ttl_ns: int | None = None) -> None:
        """`ttl_ns` is how long an answer is given after it was computed; None: as long as there is room."""
        self.num_bytes = 0
        self._max_bytes = max_bytes
        self._ttl_ns = ttl_ns
        self._kept: OrderedDict[Fingerprint, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Fingerprint, now_ns: int) -> Response | None:
        """The answer to an equal request. Its tensors are good for as long as they are held."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._ttl_ns is not None and now_ns - kept.kept_ns >= self._ttl_ns:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.response

    def put(self, key: Fingerprint, response: Response, now_ns: int) -> None:
        """Keep a copy, without the run that computed it; one that is larger than all may be is not kept."""
        if key in self._kept:
            self._drop(key)
        num_bytes = size_of(response)
        if num_bytes > self._max_bytes:
            return
        while self.num_bytes + num_bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))
        self._kept[key] = _Kept(_copy(response), num_bytes, now_ns)
        self.num_bytes += num_bytes

    def clear(self) -> None:
        self._kept.clear()
        self.num_bytes = 0

    def _drop(self, key: Fingerprint) -> None:
        self.num_bytes -= self._kept.pop(key).num_bytes


def size_of(response: Response) -> int:
    """The bytes that it takes while it is kept."""
    return ANSWER_BYTES + sum([TENSOR_BYTES + len(tensor.data) for tensor in response.outputs])


def _copy(response: Response) -> Response:
    outputs = tuple([Tensor(each.name, each.datatype, each.shape, bytes(each.data)) for each in response.outputs])
    facts = CacheFacts(True, variant=response.batch.variant if response.batch else "")
    return msgspec.structs.replace(response, outputs=outputs, batch=None, cache=facts, device_ns=0)
