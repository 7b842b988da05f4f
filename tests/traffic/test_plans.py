"""Plans say which versions they keep served."""

import msgspec

from headrace.traffic.plans import Gates, Plans, Rollout, Shadow, Split


def test_every_version_that_a_plan_names_is_kept() -> None:
    plans = Plans(Split({1: 0.5, 2: 0.5}), Shadow(3), Rollout(base=4, to=5, steps=(1.0,)))
    assert plans.versions == {1, 2, 3, 4, 5}
    assert Plans().versions == set()


def test_plans_are_the_same_once_they_were_kept() -> None:
    plans = Plans(Split({1: 0.5, 2: 0.5}, "tenant"), rollout=Rollout(1, 2, (0.1, 1.0), gates=Gates(errors=0.1), step=1))
    assert msgspec.json.decode(msgspec.json.encode(plans), type=Plans) == plans
    assert plans.rollout is not None
    assert plans.rollout.share == 1.0
