"""The loop that makes what is served match what is wanted."""

from collections.abc import Mapping
from typing import Any

from headrace.models.registry import Registry
from headrace.types import VersionStatus


class Reconcile:
    """Loads and unloads versions, one move of a model at a time; the only writer of the registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def load(
        self, name: str, config: Mapping[str, Any] | None = None, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Load or reload the versions that the policy wants; returns once they are ready.

        `config` is a Triton model configuration that replaces the one in the folder; `files` (path under the
        model's folder -> content) stand in for the folder's own.
        Raises ModelNotFound, ModelInvalid with the reason, or Forbidden where uploads are off.
        """
        raise NotImplementedError

    async def unload(self, name: str, dependents: bool = False) -> None:
        """Take every version out of service and give its memory back. Raises ModelNotFound."""
        raise NotImplementedError

    def index(self) -> tuple[VersionStatus, ...]:
        """Every version known, by name and version, with its state and the reason."""
        raise NotImplementedError
