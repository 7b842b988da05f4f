"""What is left out anywhere is counted in one place."""

from headrace.observe.dropped import Dropped


def test_every_part_is_asked_when_somebody_reads() -> None:
    dropped, counts = Dropped(), {"full": 2}
    dropped.add("traces", lambda: counts)
    dropped.add("bus", lambda: {"full": 0})
    counts["late"] = 1
    assert dropped.counts() == {("traces", "full"): 2, ("traces", "late"): 1, ("bus", "full"): 0}


def test_prometheus_reads_part_and_reason() -> None:
    dropped = Dropped()
    dropped.add("logs", lambda: {"too many": 7})
    assert dropped.lines()[-1] == 'headrace_telemetry_dropped_total{part="logs",reason="too many"} 7'


def test_without_parts_there_is_nothing() -> None:
    assert Dropped().lines() == []
