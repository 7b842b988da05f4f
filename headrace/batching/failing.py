"""Whether waiting for a model's instances is of use, where none takes work now. Pure."""

from collections.abc import Sequence

from headrace.batching.instance import Instance
from headrace.errors import HeadraceError, ModelUnavailable
from headrace.types import ModelVersion


def failing(version: ModelVersion, instances: Sequence[Instance]) -> HeadraceError | None:
    """What who comes now is told: waiting is of use while an instance is about to come back, not while one fails."""
    failure = next((instance.failure for instance in instances if instance.failure), "")
    if not failure or any(instance.ready for instance in instances):
        return None
    return ModelUnavailable(f"model {version}: {failure}", retry_after_s=1)


def all_failing(version: ModelVersion, instances: Sequence[Instance]) -> HeadraceError | None:
    """What who waits already is told: as long as one instance may come back, it goes on waiting for that."""
    return failing(version, instances) if all(instance.failure for instance in instances) else None
