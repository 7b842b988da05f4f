"""What Prometheus reads of objectives and alerts has every label in its place."""

from headrace.alert_settings import Alerts as AlertSettings
from headrace.alert_settings import Slo
from headrace.objectives import families
from headrace.objectives.alerts import Alerts
from headrace.objectives.counts import Series
from headrace.objectives.notices import Forwarding
from headrace.objectives.promises import Promise
from headrace.objectives.receiver import Receiver
from headrace.objectives.rules import Watched, rules
from headrace.types import ModelVersion
from tests.objectives.make import condition

HALF = Promise("availability", 0.5)  # so that every figure is exact
WATCHED = Watched(Slo(), AlertSettings(), 40.0)


def counted(good: int, bad: int, current: bool = True) -> Series:
    series = Series(HALF, WATCHED.spans_s(), current)
    series.good, series.bad = good, bad
    series.settle(1_700_000_000.0)
    return series


def samples(lines: object) -> list[str]:
    assert hasattr(lines, "__iter__")
    return [line for line in lines if not line.startswith("#")]


def test_a_promise_has_its_target_its_counts_and_its_budget() -> None:
    told = samples(families.of_objectives({("m", "availability"): counted(75, 25)}, WATCHED))
    assert told[:4] == [
        'headrace_slo_target{model="m",objective="availability"} 0.5',
        'headrace_slo_requests_total{model="m",objective="availability",outcome="good"} 75',
        'headrace_slo_requests_total{model="m",objective="availability",outcome="bad"} 25',
        'headrace_slo_budget_remaining{model="m",objective="availability"} 0.5',
    ]
    windows = [line.split('window="')[1].split('"')[0] for line in told[4:]]
    assert windows == ["5m", "30m", "1h", "6h", "3d"]
    assert all(line.endswith(" 0.5") for line in told[4:])


def test_what_is_not_promised_any_more_has_no_lines() -> None:
    assert samples(families.of_objectives({("m", "availability"): counted(1, 1, current=False)}, WATCHED)) == []


def test_a_hostile_name_stays_within_its_label() -> None:
    told = samples(families.of_objectives({('m"\n\\', "availability"): counted(1, 0)}, WATCHED))
    assert told[0] == 'headrace_slo_target{model="m\\"\\n\\\\",objective="availability"} 0.5'


def test_alerts_are_counted_by_state_and_notices_by_what_became_of_them() -> None:
    alerts = Alerts(rules(WATCHED), 60.0)
    alerts.look(0, [condition("HeadraceDiskFull", place="state")])
    receiver = Receiver("webhook", Forwarding(), lambda notice: None)
    receiver.sent = 3
    receiver.dropped["full"] = 2
    told = samples(families.of_alerts(alerts, [receiver]))
    assert 'headrace_alerts{alert="HeadraceDiskFull",severity="page",state="pending"} 1' in told
    assert 'headrace_alerts{alert="HeadraceDiskFull",severity="page",state="firing"} 0' in told
    assert told[-2:] == [
        'headrace_alert_notices_total{receiver="webhook",outcome="sent"} 3',
        'headrace_alert_notices_total{receiver="webhook",outcome="dropped"} 2',
    ]


def test_what_other_rules_rest_on_is_told_where_it_is_known() -> None:
    one, two = ModelVersion("m", 1), ModelVersion("m", 2)
    assert samples(families.of_the_server([one, two], {two: "FAILED"}, 0.25, {"state": 0.5})) == [
        'headrace_model_failed{model="m",version="1"} 0',
        'headrace_model_failed{model="m",version="2"} 1',
        "headrace_memory_stalled_ratio 0.25",
        'headrace_disk_free_ratio{place="state"} 0.5',
    ]
    assert samples(families.of_the_server([], {}, None, {})) == []
