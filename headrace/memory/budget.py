"""What the server may take together with its workers, by what is said and what this machine allows."""

from headrace.devices.inventory import memory, memory_limit
from headrace.memory.sizes import size_bytes


def budget_bytes(said: str) -> int | None:
    """The bytes meant by a value of `memory.budget` on this machine; None: there is no budget."""
    return size_bytes(said, memory().total_bytes, memory_limit())
