"""A model's inputs over its versions, its outputs version by version."""

from pathlib import Path

import numpy as np
import pytest

from headrace.arrays import from_array
from headrace.records import SampleRecord
from headrace.types import TensorSpec
from tests.drift.driven import Driven, sample, signature


def normal(
    seed: int, rows: int, shift: float = 0.0, width: int = 4, at: int = 2
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    made = np.random.default_rng(seed).standard_normal((rows, width))
    made[:, at] += shift
    return made


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sigma", "windows"), [(1.0, 2), (0.5, 2), (0.25, 10)])
def test_a_shift_is_found_in_time_and_nothing_else(seed: int, sigma: float, windows: int) -> None:
    driven = Driven().feed(normal(seed, 5000))
    assert not driven.events
    driven.feed(normal(seed + 100, 500 * windows, sigma))
    assert set(driven.rises()) == {"X[2]"}


def test_an_alarm_ends_after_two_quiet_windows() -> None:
    driven = Driven().feed(normal(1, 3000)).feed(normal(2, 1000, 1.0))
    assert "X[2]" in driven.model.versions[1].sides["inputs"].alarms
    driven.feed(normal(3, 500))
    assert "X[2]" in driven.model.versions[1].sides["inputs"].alarms
    driven.feed(normal(4, 500))
    assert "X[2]" not in driven.model.versions[1].sides["inputs"].alarms
    assert [(event.state, event.feature, event.side) for event in driven.events] == [
        ("alarm", "X[2]", "inputs"),
        ("quiet", "X[2]", "inputs"),
    ]


def test_an_alarm_says_when_its_window_began_and_ended() -> None:
    driven = Driven().feed(normal(1, 3000)).feed(normal(2, 500, 1.0))
    event = driven.events[0]
    assert (event.began_s, event.when_s) == pytest.approx((30.01, 35.0))
    assert event.ratio > 1


def test_inputs_of_a_new_version_are_compared_from_its_first_row() -> None:
    driven = Driven().feed(normal(1, 2500))
    driven.feed(normal(2, 500, 1.0), version=2)
    assert driven.rises("inputs") == ["X[2]"]
    assert driven.model.versions[2].collecting["inputs"] is None


def test_outputs_of_a_new_version_are_compared_with_those_of_the_one_before() -> None:
    y = np.random.default_rng(5).standard_normal((6000, 1))
    driven = Driven().feed(normal(1, 2500), y[:2500]).feed(normal(2, 500), y[2500:3000] + 1, version=2)
    assert (driven.rises("outputs"), driven.rises("inputs")) == (["Y[0]"], [])
    assert driven.events[0].against == "previous"
    assert driven.events[0].model.version == 2


def test_outputs_of_a_new_version_are_compared_with_its_own_as_well() -> None:
    y = np.random.default_rng(5).standard_normal((6000, 1))
    driven = Driven().feed(normal(1, 2500), y[:2500]).feed(normal(2, 2500), y[2500:5000], version=2)
    assert not driven.events
    assert set(driven.model.versions[2].sides["outputs"].references) == {"previous", "reference"}


def test_the_version_before_may_still_be_seen_for_the_first_time() -> None:
    y = np.random.default_rng(5).standard_normal((6000, 1))
    driven = Driven().feed(normal(1, 700), y[:700]).feed(normal(2, 500), y[1000:1500] + 1, version=2)
    assert driven.rises("outputs") == ["Y[0]"]


def test_what_a_version_was_like_is_kept_when_it_is_unloaded() -> None:
    y = np.random.default_rng(5).standard_normal((6000, 1))
    driven = Driven().feed(normal(1, 700), y[:700])
    assert [each for each in driven.model.unloaded(1, 0) if each] == []
    assert not driven.model.versions
    assert driven.feed(normal(2, 500), y[1000:1500] + 1, version=2).rises("outputs") == ["Y[0]"]


def test_alarms_of_a_version_that_is_unloaded_end() -> None:
    driven = Driven().feed(normal(1, 2500)).feed(normal(2, 500, 1.0))
    ended = [each for each in driven.model.unloaded(1, 0) if each]
    assert [(each.feature, each.state) for each in ended] == [("X[2]", "quiet")]


def test_previous_means_no_reference_of_its_own() -> None:
    y = np.random.default_rng(5).standard_normal((6000, 1))
    driven = Driven(reference="previous").feed(normal(1, 2500), y[:2500]).feed(normal(2, 3000), y[2500:5500], version=2)
    assert set(driven.model.versions[2].sides["outputs"].references) == {"previous"}


def test_features_that_come_and_go_with_a_version_are_told() -> None:
    driven = Driven().feed(normal(1, 600))
    driven.watched = type(driven.watched)(signature([TensorSpec("X", "FP32", (-1, 5))]))
    driven.feed(normal(1, 600, width=5), version=2)
    assert [(event.side, event.feature, event.state) for event in driven.events] == [
        ("schema", "+X[4]", "alarm"),
        ("schema", "+X[4]", "quiet"),
    ]
    assert driven.model.versions[2].schema == ("+X[4]",)


def test_a_reference_comes_from_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "usual.npz", X=normal(1, 2000).astype(np.float32))
    driven = Driven(file=tmp_path / "usual.npz").feed(normal(2, 500, 1.0))
    assert driven.rises() == ["X[2]"]
    assert driven.model.versions[1].sides["inputs"].references["reference"].source == "file"


def test_where_a_file_has_inputs_alone_outputs_have_the_first_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "usual.npz", X=normal(1, 2000).astype(np.float32))
    y = np.random.default_rng(5).standard_normal((2500, 1))
    driven = Driven(file=tmp_path / "usual.npz").feed(normal(2, 2500), y)
    sides = driven.model.versions[1].sides
    assert {side: sides[side].references["reference"].source for side in sides} == {"inputs": "file", "outputs": "rows"}


def test_a_file_that_is_no_good_is_told_and_the_first_rows_serve(tmp_path: Path) -> None:
    (tmp_path / "usual.npy").write_bytes(b"nothing")
    driven = Driven(file=tmp_path / "usual.npy").feed(normal(1, 2500)).feed(normal(2, 500, 1.0))
    assert "usual.npy" in driven.model.problem
    assert driven.rises() == ["X[2]"]


def test_what_is_forgotten_is_seen_anew() -> None:
    driven = Driven().feed(normal(1, 2500)).feed(normal(2, 1000, 1.0))
    (ended,) = driven.model.forget(9_000_000_000)
    assert (ended.feature, ended.state, ended.when_s) == ("X[2]", "quiet", 9.0)
    driven.events.clear()
    driven.feed(normal(3, 4000, 1.0))
    assert not driven.events


def test_what_was_usual_is_kept_for_the_next_start(tmp_path: Path) -> None:
    y = np.random.default_rng(5).standard_normal((6000, 1))
    Driven(folder=tmp_path).feed(normal(1, 2500), y[:2500])
    again = Driven(folder=tmp_path).feed(normal(2, 500, 1.0), y[2500:3000] + 1)
    assert set(again.rises()) == {"X[2]", "Y[0]"}
    assert {event.against for event in again.events} == {"reference"}
    later = Driven(folder=tmp_path).feed(normal(3, 500), y[3000:3500] + 1, version=2)
    assert [(event.feature, event.against) for event in later.events] == [("Y[0]", "previous")]


def test_what_was_forgotten_is_not_kept(tmp_path: Path) -> None:
    driven = Driven(folder=tmp_path).feed(normal(1, 2500))
    driven.model.forget(0)
    assert not Driven(folder=tmp_path).feed(normal(2, 1000, 1.0)).events


def test_what_was_kept_and_is_no_good_is_seen_anew(tmp_path: Path) -> None:
    Driven(folder=tmp_path).feed(normal(1, 2500))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    assert not Driven(folder=tmp_path).feed(normal(2, 1000, 1.0)).events


def test_texts_and_tokens_that_were_known_are_known_again(tmp_path: Path) -> None:
    sign = signature([TensorSpec("T", "BYTES", (-1, 1)), TensorSpec("input_ids", "INT64", (-1, -1))], ())

    def requests(text: bytes, token: int, count: int) -> list[SampleRecord]:
        pair = from_array("T", np.array([[text]], object)), from_array("input_ids", np.array([[token, token]]))
        return [sample(pair) for _ in range(count)]

    Driven(sign=sign, folder=tmp_path).send(requests(b"yes", 7, 2100))
    again = Driven(sign=sign, folder=tmp_path)
    again.send(requests(b"yes", 7, 500))
    assert not again.events
    again.send(requests(b"no", 8, 500))
    assert {"T.value", "input_ids.unknown"} <= set(again.rises())


def test_what_is_forgotten_while_a_reference_is_made_is_no_reference() -> None:
    driven = Driven().feed(normal(1, 1990))
    x, y = from_array("X", np.zeros((10, 4), np.float32)), from_array("Y", np.zeros((10, 1), np.float32))
    steps = driven.model.add(1, driven.watched, [sample([x], [y])], driven.feedback)
    next(steps)
    driven.model.forget(0)
    list(steps)
    assert driven.model.inputs is None


def test_reference_and_window_are_as_the_model_says() -> None:
    driven = Driven(reference=500, window=100).feed(normal(1, 500)).feed(normal(2, 100, 2.0))
    assert driven.rises() == ["X[2]"]
