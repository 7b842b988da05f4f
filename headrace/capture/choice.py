"""Which requests are kept: whole runs, so that whoever asks them again has each in the company that it had."""

from collections.abc import Set

from headrace.types import BatchFacts, ModelVersion

_MIXER = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: successive times fall far apart (Knuth, TAOCP 3, 6.4)
_ALL = 1 << 64


class Choice:
    """Says of a run whether its requests are kept: a share of all, the same for each request of it."""

    def __init__(self, ratio: float, models: Set[str] = frozenset()) -> None:
        """`models` are those whose requests may be kept; none: all."""
        self._limit = int(ratio * _ALL)
        self._models = models

    def takes(self, model: ModelVersion, batch: BatchFacts | None) -> bool:
        """Answers that no run was made for, such as those of a response cache, are never kept."""
        return batch is not None and self.draws(model, batch.started_ns)

    def draws(self, model: ModelVersion, at_ns: int) -> bool:
        """Whether what happened to the model at that time is of the share."""
        if self._models and model.name not in self._models:
            return False
        return (at_ns * _MIXER) % _ALL < self._limit
