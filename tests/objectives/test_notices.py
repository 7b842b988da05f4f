"""A receiver is told of groups: after a wait for company, again when they change, and now and then when not."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.objectives.alerts import Alert
from headrace.objectives.conditions import Key
from headrace.objectives.notices import Forwarding, Grouping, Notice, Policy
from headrace.objectives.rules import DISK, MODEL_FAILED
from tests.objectives.make import by_key, firing

A, B = firing(model="a"), firing(model="b")
FULL = firing(DISK, place="state")


def grouping(group_by: str = "alert") -> Grouping:
    return Grouping(group_by, wait_s=10, interval_s=60, repeat_s=1000)  # type: ignore[arg-type]


def told(policy: Policy, now_s: float, *alerts: Alert, arrives: bool = True) -> list[tuple[list[str], list[str]]]:
    """The models that notices name at that moment, as firing and as resolved; each arrives, or not."""
    notices = policy.due(now_s, by_key(*alerts))
    for notice in notices:
        policy.settled(notice.group, arrives)
    return [(_models(notice.firing), _models(notice.resolved)) for notice in notices]


def _models(alerts: tuple[Alert, ...]) -> list[str]:
    return [dict(alert.key.labels).get("model", "") for alert in alerts]


def test_the_first_notice_waits_for_company() -> None:
    policy = grouping()
    assert told(policy, 0, A) == []
    assert told(policy, 5, A, B) == []
    assert told(policy, 10, A, B) == [(["a", "b"], [])]
    assert told(policy, 11, A, B) == []


def test_one_that_is_over_before_that_is_never_told() -> None:
    policy = grouping()
    assert told(policy, 0, A) == []
    assert told(policy, 5) == []
    assert told(policy, 100) == []


def test_what_joins_or_ends_is_told_after_the_interval() -> None:
    policy = grouping()
    told(policy, 0, A)
    told(policy, 10, A)
    assert told(policy, 20, A, B) == []
    assert told(policy, 70, A, B) == [(["a", "b"], [])]
    assert told(policy, 130, B) == [(["b"], ["a"])]
    assert told(policy, 190) == [([], ["b"])]
    assert told(policy, 2000) == []


def test_what_goes_on_is_told_again_now_and_then() -> None:
    policy = grouping()
    told(policy, 0, A)
    told(policy, 10, A)
    assert told(policy, 1009, A) == []
    assert told(policy, 1010, A) == [(["a"], [])]


def test_groups_are_told_apart() -> None:
    policy = grouping()
    policy.due(0, by_key(A, FULL))
    assert {notice.group for notice in policy.due(10, by_key(A, FULL))} == {MODEL_FAILED, DISK}


def test_groups_may_be_models_or_all() -> None:
    by_model, in_one = grouping("model"), grouping("none")
    for policy in (by_model, in_one):
        policy.due(0, by_key(A, B, FULL))
    assert [notice.group for notice in by_model.due(10, by_key(A, B, FULL))] == ["a", "b", ""]
    assert [len(notice.alerts) for notice in in_one.due(10, by_key(A, B, FULL))] == [3]


def test_a_group_has_one_notice_on_its_way() -> None:
    policy = grouping()
    policy.due(0, by_key(A))
    assert policy.due(10, by_key(A))
    assert policy.due(500, by_key(A, B)) == []
    policy.settled(MODEL_FAILED, told=True)
    assert len(policy.due(501, by_key(A, B))) == 1


def test_what_did_not_arrive_is_told_again() -> None:
    policy = grouping()
    told(policy, 0, A)
    assert told(policy, 10, A, arrives=False) == [(["a"], [])]
    assert told(policy, 69, A) == []
    assert told(policy, 70, A) == [(["a"], [])]
    assert told(policy, 140, arrives=False) == [([], ["a"])]
    assert told(policy, 200) == [([], ["a"])]
    assert told(policy, 300) == []


def test_of_a_silenced_one_not_even_the_end_is_told() -> None:
    policy = grouping()
    told(policy, 0, A, B)
    told(policy, 10, A, B)
    policy.quieten(by_key(A))
    assert told(policy, 80, B) == []
    assert told(policy, 150) == [([], ["b"])]


def test_one_whose_silence_is_over_is_told() -> None:
    policy = grouping()
    assert told(policy, 0) == []
    assert told(policy, 100, A) == []
    assert told(policy, 110, A) == [(["a"], [])]


def test_an_alertmanager_is_told_at_once_and_again_before_it_forgets() -> None:
    policy = Forwarding(every_s=60)
    assert told(policy, 0, A) == [(["a"], [])]
    assert told(policy, 59, A) == []
    assert told(policy, 60, A) == [(["a"], [])]
    assert told(policy, 61, A, B) == [(["a", "b"], [])]
    assert told(policy, 62, B) == [(["b"], ["a"])]
    assert told(policy, 63) == [([], ["b"])]
    assert told(policy, 200) == []


def test_an_alertmanager_that_was_not_reached_is_told_again() -> None:
    policy = Forwarding(every_s=60)
    told(policy, 0, A)
    assert told(policy, 1, arrives=False) == [([], ["a"])]
    assert told(policy, 2) == [([], ["a"])]
    policy.quieten(by_key(A))
    assert told(policy, 3) == []


@given(st.lists(st.tuples(st.floats(0, 200), st.sets(st.sampled_from("abc")), st.booleans()), max_size=60))
def test_a_receiver_that_is_reached_in_the_end_knows_what_fires(steps: list[tuple[float, set[str], bool]]) -> None:
    policies: list[Policy] = [grouping(), Forwarding(every_s=60)]
    for policy in policies:
        knows: dict[Key, Alert] = {}
        now = 0.0
        for passed, models, arrives in [*steps, *[(200.0, set("ab"), True)] * 3]:
            now += passed
            fires = by_key(*(firing(model=model) for model in sorted(models)))
            for notice in policy.due(now, fires):
                policy.settled(notice.group, arrives)
                if arrives:
                    _learn(knows, notice)
        assert _models(tuple(knows.values())) == ["a", "b"]


def _learn(knows: dict[Key, Alert], notice: Notice) -> None:
    for alert in notice.resolved:
        assert alert.key in knows, "it ended, and was never told to have begun"
        del knows[alert.key]
    knows.update(by_key(*notice.firing))
    knows_now = dict(sorted(knows.items()))
    knows.clear()
    knows.update(knows_now)
