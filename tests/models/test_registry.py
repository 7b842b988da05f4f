"""Which version answers, and why none does."""

from pathlib import Path
from typing import cast

import pytest

from headrace.errors import SOON_S, ModelNotFound, ModelUnavailable, VersionNotFound
from headrace.models.registry import Registry, Served
from headrace.models.wishes import Wishes
from headrace.servable import Servable
from headrace.traffic.plans import Plans, Rollout, Split
from headrace.types import Context, Manifest, ModelRef, ModelVersion, VersionStatus


def served(version: int) -> Served:
    manifest = Manifest("m", version, Path("m"), "fake")
    return Served(ModelVersion("m", version), manifest, cast(Servable, object()))


def registry(*versions: int) -> Registry:
    known = Registry(lambda name: (VersionStatus("m", 9, "LOADING"),) if name == "m" else ())
    for version in versions:
        known.publish(served(version))
    return known


def test_without_a_version_the_highest_answers() -> None:
    assert registry(2, 10, 3).get(ModelRef("m")).version.version == 10


def test_a_version_asked_for_answers() -> None:
    assert registry(2, 3).get(ModelRef("m", 2)).version.version == 2


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(ModelNotFound, match="'x' is not in the repository"):
        registry(1).get(ModelRef("x"))


def test_no_more_than_the_beginning_of_a_name_is_told_back() -> None:
    with pytest.raises(ModelNotFound) as caught:
        registry(1).get(ModelRef("x" * 1_000_000))
    assert len(caught.value.message) < 200


def test_an_unknown_version_is_not_found_and_the_ready_ones_are_named() -> None:
    with pytest.raises(VersionNotFound, match="no version 7; ready: 1, 2"):
        registry(1, 2).get(ModelRef("m", 7))


def test_a_version_that_loads_is_unavailable_and_may_soon_be_asked_for_again() -> None:
    with pytest.raises(ModelUnavailable, match="LOADING") as caught:
        registry(1).get(ModelRef("m", 9))
    assert caught.value.retry_after_s == SOON_S


def test_nobody_knows_when_a_version_that_failed_may_be_asked_for_again() -> None:
    known = Registry(lambda name: (VersionStatus("m", 1, "UNAVAILABLE", "FAILED: no file"),))
    with pytest.raises(ModelUnavailable, match="no file") as caught:
        known.get(ModelRef("m"))
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("ref", [ModelRef("m"), ModelRef("m", 2)])
def test_a_version_whose_workers_die_again_and_again_is_served_and_not_ready(ref: ModelRef) -> None:
    failed = VersionStatus("m", 2, "UNAVAILABLE", "FAILED: its worker crashed")
    known = Registry(lambda name: (VersionStatus("m", 1, "READY"), failed))
    known.publish(served(1))
    assert known.get_ready(ModelRef("m")).version.version == 1
    known.publish(served(2))
    assert known.get(ref).version.version == 2
    with pytest.raises(ModelUnavailable, match="is UNAVAILABLE: FAILED: its worker crashed"):
        known.get_ready(ref)


def test_one_that_sleeps_is_ready_to_be_asked() -> None:
    asleep = VersionStatus("m", 1, "UNAVAILABLE", "unloaded: loads on request")
    known = Registry(lambda name: (asleep,))
    known.publish(served(1))
    assert known.get_ready(ModelRef("m")).version.version == 1


def test_a_withdrawn_version_no_longer_answers_and_the_next_highest_does() -> None:
    known = registry(1, 2)
    known.withdraw(ModelVersion("m", 2))
    assert known.get(ModelRef("m")).version.version == 1
    assert known.versions("m") == [1]


def test_publishing_again_replaces() -> None:
    known = registry(1)
    newer = served(1)
    known.publish(newer)
    assert known.get(ModelRef("m", 1)) is newer


def test_a_version_that_was_rolled_back_from_answers_only_where_it_is_asked_for() -> None:
    known = registry(1, 2)
    known.wish("m", Wishes(held_back=frozenset({2})))
    assert known.get(ModelRef("m")).version.version == 1
    assert known.get(ModelRef("m", 2)).version.version == 2


def test_where_the_stable_version_loads_the_model_does_and_others_answer_only_by_their_numbers() -> None:
    known = registry(2)
    known.wish("m", Wishes(labels={"stable": 9}))
    with pytest.raises(
        ModelUnavailable, match=r"label 'stable' is version 9, which is not ready \(LOADING\); ready: 2"
    ):
        known.get(ModelRef("m"))
    with pytest.raises(ModelUnavailable):
        known.get_ready(ModelRef("m"))
    assert known.get(ModelRef("m", 2)).version.version == 2
    assert (known.names(), known.versions("m"), known.default("m")) == (["m"], [2], None)
    known.publish(served(9))
    assert known.get(ModelRef("m")).version.version == known.get(ModelRef("m", None, "stable")).version.version == 9


def test_nothing_is_shared_out_to_a_version_that_cannot_answer_until_it_can_or_is_another() -> None:
    known = registry(1, 2)
    known.wish("m", Wishes(traffic=Plans(split=Split({1: 0.5, 2: 0.5}))))
    known.failed(ModelVersion("m", 2), True)
    assert (known.shares("m"), known.answering("m", 2)) == ({1: 1.0}, None)
    assert known.get(ModelRef("m", 2)).version.version == 2
    known.failed(ModelVersion("m", 2), False)
    assert known.shares("m") == {1: 0.5, 2: 0.5}
    known.failed(ModelVersion("m", 1), True)
    known.publish(served(1))
    assert known.shares("m") == {1: 0.5, 2: 0.5}
    assert known.answering("m", 1) == known.find("m", 1)


def test_what_is_not_known_is_on_its_way_until_it_was_tried() -> None:
    known = Registry()
    known.expect(None)
    with pytest.raises(ModelUnavailable, match="the server is starting"):
        known.get(ModelRef("x"))
    known.expect({"m", "n"})
    known.publish(served(1))
    for ref in (ModelRef("m", 2), ModelRef("m", None, "canary"), ModelRef("n")):
        with pytest.raises(ModelUnavailable, match="the server is starting"):
            known.get(ref)
    with pytest.raises(ModelNotFound):
        known.get(ModelRef("x"))
    assert [known.is_expected(name) for name in ("m", "x")] == [True, False]
    known.came("m")
    assert not known.is_expected("m")
    for ref in (ModelRef("m", 2), ModelRef("m", None, "canary")):
        with pytest.raises(VersionNotFound):
            known.get(ref)


def test_a_rollout_shares_requests_without_a_version_and_others_get_what_they_ask_for() -> None:
    drawn = [0.05, 0.95]
    known = Registry(draw=lambda: drawn[0])
    for version in (1, 2):
        known.publish(served(version))
    known.wish("m", Wishes(traffic=Plans(rollout=Rollout(1, 2, (0.1, 1.0)))))
    asked = [known.route(ref, Context(0)).version.version for ref in (ModelRef("m"), ModelRef("m", 1))]
    drawn.pop(0)
    assert [*asked, known.route(ModelRef("m"), Context(0)).version.version] == [2, 1, 1]
    assert known.get(ModelRef("m")).version.version == 1
    assert known.shares("m") == pytest.approx({1: 0.9, 2: 0.1})


def test_a_rollout_that_is_halted_gives_the_new_version_nothing_until_another_is_wished_for() -> None:
    known = registry(1, 2)
    rolling = Wishes(traffic=Plans(rollout=Rollout(1, 2, (1.0,))))
    known.wish("m", rolling)
    known.halt("m", 2)
    known.wish("m", rolling)
    assert known.route(ModelRef("m"), Context(0)).version.version == 1
    known.wish("m", Wishes())
    known.wish("m", rolling)
    assert known.route(ModelRef("m"), Context(0)).version.version == 2


def test_versions_of_a_split_that_go_leave_their_part_to_the_others() -> None:
    known = registry(1, 2, 3)
    known.wish("m", Wishes(traffic=Plans(split=Split({1: 0.5, 2: 0.5}))))
    known.withdraw(ModelVersion("m", 1))
    assert known.route(ModelRef("m"), Context(0)).version.version == 2
    known.withdraw(ModelVersion("m", 2))
    assert (known.route(ModelRef("m"), Context(0)).version.version, known.shares("m")) == (3, {})


def test_whoever_follows_is_told_each_wish() -> None:
    known, told = registry(1), list[tuple[str, Plans]]()
    known.follow(lambda name, plans: told.append((name, plans)))
    plans = Plans(split=Split({1: 1.0}))
    known.wish("m", Wishes(traffic=plans))
    assert (told, known.plans("m"), known.plans("n")) == ([("m", plans)], plans, Plans())
