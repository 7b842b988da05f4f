"""What the traffic asks for is done, also where clients may ask for nothing."""

from pathlib import Path

import pytest

from headrace.errors import Forbidden, NotFound
from headrace.models.moves import Moves
from headrace.settings import Models
from headrace.traffic.plans import Rollout
from tests.models.reconcile_bench import Bench


async def test_a_rollout_that_ends_by_itself_needs_nobodys_leave(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models=Models(control="watch"))
    bench.put(1)
    await bench.reconcile.start()
    moves = Moves(bench.reconcile)
    with pytest.raises(Forbidden):
        await moves.begin("m", Rollout(0, 2, (1.0,)))
    with pytest.raises(Forbidden):
        await moves.back("m", None)
    with pytest.raises(NotFound):
        await moves.back("m", Rollout(1, 2, (1.0,)))
