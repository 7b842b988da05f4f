"""A batch that was handed to an instance, and what is known of its run."""

import msgspec

from headrace.batching.instance import Outcome
from headrace.batching.policy import Run
from headrace.batching.waiting import Waiting
from headrace.types import BatchFacts


class Closed(msgspec.Struct, frozen=True):
    """A batch, and when and for which instance it was closed."""

    run: Run[Waiting]
    instance: int
    started_ns: int

    def facts(self, outcome: Outcome, variant: str, device_ns: int) -> BatchFacts:
        """Of its run, which was computed by that variant and had so much of the device."""
        run = self.run
        return BatchFacts(
            rows=run.rows,
            requests=run.requests,
            reason=run.reason,
            instance=self.instance,
            started_ns=self.started_ns,
            input_ns=outcome.input_ns,
            infer_ns=outcome.infer_ns,
            output_ns=outcome.output_ns,
            variant=variant,
            device_ns=device_ns,
        )
