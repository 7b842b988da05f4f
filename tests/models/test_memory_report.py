"""The report has what is reserved and what is measured, of everybody."""

from pathlib import Path

from headrace.memory.ledger import Reading
from headrace.memory.pressure import Pressure
from headrace.memory.processes import Taken
from headrace.models.memory_report import memory_report
from headrace.types import ModelVersion
from tests.models.reconcile_bench import Bench


async def test_every_part_is_told_reserved_and_measured(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget=100 << 20)
    bench.put(1)
    bench.machine.sizes["m"] = 20
    await bench.reconcile.start()
    await bench.reconcile.pin("m", True)
    ledger = bench.rooms.ledger
    ledger.follow(Reading(7, 3, {ModelVersion("m", 1): Taken(30)}, 5, 40))
    assert memory_report(ledger, bench.reconcile.residence, Pressure(1.0, 0.5, "the machine")) == {
        "budget_bytes": 100 << 20,
        "reserved_bytes": 40,
        "measured_bytes": 40,
        "free_bytes": (100 << 20) - 40,
        "shared_bytes": 5,
        "pressure": {"some": 1.0, "full": 0.5, "of": "the machine"},
        "requests_for_sleeping": 0,
        "parts": [
            {"part": "server", "reserved_bytes": 7, "measured_bytes": 7},
            {"part": "other processes", "reserved_bytes": 3, "measured_bytes": 3},
        ],
        "models": [
            {
                "name": "m",
                "version": "1",
                "stage": "resident",
                "pinned": True,
                "reserved_bytes": 30,
                "measured_bytes": 30,
                "peak_bytes": (64 << 20) + 2,  # of a file of one byte
            }
        ],
    }


async def test_the_parts_add_up_to_what_is_reserved_while_the_server_grows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget=100 << 20)
    for server in (7, 20):
        bench.rooms.ledger.follow(Reading(server, 3, {}, 5, 40))
    told = memory_report(bench.rooms.ledger, bench.reconcile.residence, None)
    assert told["parts"][0] == {"part": "server", "reserved_bytes": 33, "measured_bytes": 20}
    assert told["reserved_bytes"] == sum(part["reserved_bytes"] for part in told["parts"])


async def test_without_a_budget_nothing_is_said_of_what_is_free(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    told = memory_report(bench.rooms.ledger, bench.reconcile.residence, None)
    assert (told["budget_bytes"], told["free_bytes"], told["pressure"]) == (None, None, None)
