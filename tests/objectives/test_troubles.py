"""Workers that died lately are counted, and versions that gave up are known until they are back."""

from headrace.objectives.troubles import Troubles
from headrace.types import ModelVersion
from tests.objectives.make import drift
from tests.observe.make import moved, worker

ONE = ModelVersion("m", 1)


class Now:
    time_s = 0.0

    def __call__(self) -> float:
        return self.time_s


def test_workers_that_died_or_hung_lately_are_counted() -> None:
    now = Now()
    troubles = Troubles(60.0, now)
    troubles([worker("started"), worker("died"), worker("hung"), worker("started")])
    assert troubles.crashes() == {ONE: 2}
    now.time_s = 61
    assert troubles.crashes() == {}


def test_a_version_gave_up_until_a_worker_is_back() -> None:
    troubles = Troubles(60.0, Now())
    troubles([worker("failed")])
    assert troubles.gave_up == {ONE}
    troubles([worker("started")])
    assert not troubles.gave_up


def test_nothing_is_held_against_a_version_that_is_unloaded() -> None:
    troubles = Troubles(60.0, Now())
    troubles([worker("died"), worker("failed"), moved("UNLOADING")])
    assert (troubles.crashes(), troubles.gave_up) == ({}, set())


def test_a_feature_has_drifted_until_it_is_quiet_against_all_that_it_is_held_to() -> None:
    troubles = Troubles(60.0, Now())
    troubles([drift("alarm"), drift("alarm", against="previous"), drift("alarm", "Y.entropy", version=2)])
    troubles([drift("quiet")])
    assert troubles.drifted() == [(ONE, "inputs", "X[2]", 2.5), (ModelVersion("m", 2), "inputs", "Y.entropy", 2.5)]
    troubles([drift("quiet", against="previous")])
    assert troubles.drifted() == [(ModelVersion("m", 2), "inputs", "Y.entropy", 2.5)]
    troubles([moved("UNLOADING", version=2)])
    assert troubles.drifted() == []


def test_an_input_that_is_quiet_says_nothing_of_an_output_of_its_name() -> None:
    troubles = Troubles(60.0, Now())
    troubles([drift("alarm"), drift("alarm", side="outputs"), drift("quiet")])
    assert troubles.drifted() == [(ONE, "outputs", "X[2]", 2.5)]
