"""How hypothesis is used: no deadlines, since the machine may be busy; `make fuzz` asks for many more cases.

Nothing is tested that was compiled of other sources than these."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("test", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", settings.get_profile("test"), max_examples=20_000)
settings.load_profile("test")

ROOT = Path(__file__).parent.parent
READERS = {"test_layers.py", "test_exports.py", "test_docs.py"}
"""Of sources and documents: these run nothing that was compiled."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Python passes a source over for what was compiled of it."""
    if {Path(each).name for each in session.config.args} <= READERS:
        return
    made = next(ROOT.glob("headrace/batching/decisions__mypyc.*.so"), None)
    compiled = [path.with_name(path.name.partition(".")[0] + ".py") for path in ROOT.glob("headrace/*/*.*.so")]
    made_ns = made.stat().st_mtime_ns if made else 0
    if changed := [path for path in compiled if path.exists() and path.stat().st_mtime_ns > made_ns]:
        names = ", ".join(str(path.relative_to(ROOT)) for path in changed[:3])
        pytest.exit(f"{names} changed after it was compiled: make setup, or rm headrace/*/*.so to go without", 1)
