"""Who holds how much memory, reserved and measured side by side, as JSON."""

from typing import Any

import msgspec

from headrace.memory.ledger import Ledger
from headrace.memory.pressure import Pressure
from headrace.models.residence import Residence


def memory_report(ledger: Ledger, residence: Residence, pressure: Pressure | None) -> dict[str, Any]:
    """As it was measured last."""
    reading, budget = ledger.reading, ledger.budget_bytes
    other = reading.other_bytes
    parts = (("server", ledger.server_bytes, reading.server_bytes), ("other processes", other, other))
    return {
        "budget_bytes": budget,
        "reserved_bytes": ledger.held_bytes,
        "measured_bytes": reading.total_bytes,
        "free_bytes": None if budget is None else max(0, budget - ledger.held_bytes),
        "shared_bytes": reading.shared_bytes,
        "pressure": None if pressure is None else msgspec.to_builtins(pressure),
        "requests_for_sleeping": residence.misses,
        "parts": [{"part": name, "reserved_bytes": held, "measured_bytes": takes} for name, held, takes in parts],
        "models": [
            {
                "name": hold.version.name,
                "version": str(hold.version.version),
                "stage": hold.stage,
                "pinned": residence.is_pinned(hold.version.name),
                "reserved_bytes": hold.reserved_bytes,
                "measured_bytes": hold.measured_bytes,
                "peak_bytes": hold.peak_bytes,
            }
            for hold in sorted(ledger.holds, key=lambda hold: (hold.version.name, hold.version.version))
        ],
    }
