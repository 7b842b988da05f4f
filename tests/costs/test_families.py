"""The metrics of costs are called as dashboards ask for them."""

from headrace.costs import families


def test_names_and_kinds_are_as_agreed() -> None:
    assert families.DEVICE_SECONDS.head.endswith("# TYPE headrace_device_seconds_total counter")
    assert families.IDLE_SECONDS.head.endswith("# TYPE headrace_idle_seconds_total counter")
    assert families.COST.head.endswith("# TYPE headrace_cost_usd_total counter")
