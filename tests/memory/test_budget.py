"""A budget is what is said, of this machine."""

import pytest

from headrace.devices.inventory import memory
from headrace.memory.budget import budget_bytes


@pytest.mark.parametrize(("said", "num_bytes"), [("", None), ("2GiB", 2 << 30), ("50%", memory().total_bytes // 2)])
def test_what_is_said_holds(said: str, num_bytes: int | None) -> None:
    assert budget_bytes(said) == num_bytes
