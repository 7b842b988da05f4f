"""A real request that waits: a job with its tensors and who is to be told."""

from headrace.batching.blame import NONE
from headrace.batching.check import Checked
from headrace.batching.job import Job
from headrace.servable import Cancel, Reply
from headrace.types import USUAL_LEVEL, Request


class Waiting(Job):
    """One request, or a bundle of them, from its arrival to its answer; owned by the batched model."""

    __slots__ = ("blame", "done", "left", "moved", "reply", "request")

    def __init__(self, request: Request, checked: Checked, reply: Reply, queued_ns: int) -> None:
        super().__init__(checked.rows, checked.length, checked.key, queued_ns)
        context = request.context
        self.request = request
        self.reply = reply
        if request.bundle is None:
            for tensor in request.inputs:
                self.num_bytes += len(tensor.data)
        else:
            contents = request.bundle.contents
            self.requests, self.bundled = len(contents), True
            self.num_bytes = self.requests * sum(map(len, contents[0]))
        self.arrived_ns = context.arrived_ns or queued_ns
        self.deadline_ns = context.deadline_ns
        self.level = context.priority or USUAL_LEVEL
        self.tenant = context.tenant
        self.blame = NONE  # for the deaths of workers that were running it
        self.done = False  # answered, or nobody waits
        self.left = False  # nobody waits
        self.moved: Cancel = _nowhere  # withdraws what waits in its place, at another model


def _nowhere() -> None:
    """Nothing waits in its place."""
