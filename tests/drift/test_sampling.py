"""All requests are looked at up to a rate, of more one in so many."""

import numpy as np
import pytest

from headrace.arrays import from_array
from headrace.drift.portion import CREDIT_S, EACH, Looked
from headrace.drift.sampling import LARGEST, SHARE, Sampling
from headrace.objectives.rules import ON_PURPOSE
from headrace.types import Context, ModelRef, ModelVersion, Request, Response, Tensor


def asked(rows: int = 1, width: int = 1, name: str = "m") -> tuple[Request, Response]:
    x = from_array("X", np.zeros((rows, width), np.float32))
    x = Tensor(x.name, x.datatype, x.shape, bytes(x.data))
    return Request("", ModelRef(name), (x,), context=Context(0)), Response(ModelVersion(name, 1), (x,), None)


def test_below_the_rate_each_is_looked_at() -> None:
    sampling = Sampling(100)
    assert all(sampling.wants(*asked()) for _ in range(50))
    sampling.round(1.0, {})
    assert all(sampling.wants(*asked()) for _ in range(100))
    assert not any(sampling.dropped().values())


def test_above_the_rate_one_in_so_many_is_and_the_others_are_counted() -> None:
    sampling = Sampling(100)
    wanted = []
    for _ in range(20):
        wanted.append(sum(sampling.wants(*asked()) for _ in range(1000)))
        sampling.round(1.0, {})
    assert sampling.every("m") in (10, 11)
    assert 80 <= wanted[-1] <= 101
    assert sum(sampling.dropped().values()) + sum(wanted) == pytest.approx(20_000, abs=sampling.every("m"))


def test_a_burst_within_one_round_is_bounded() -> None:
    sampling = Sampling(100)
    assert sum(sampling.wants(*asked()) for _ in range(5000)) <= 201
    assert sampling.dropped()["rate"] >= 4799


def test_a_rate_that_falls_has_all_looked_at_again() -> None:
    sampling = Sampling(100)
    for _ in range(2000):
        sampling.wants(*asked())
    sampling.round(1.0, {})
    assert sampling.every("m") > 1
    for _ in range(50):
        sampling.wants(*asked())
    sampling.round(1.0, {})
    assert sampling.every("m") == 1


def test_rows_of_batched_models_are_counted_and_large_tensors_as_several() -> None:
    sampling = Sampling(1000)
    sampling.batched["m"] = True
    sampling.wants(*asked(rows=500))
    sampling.round(1.0, {})
    assert sampling.every("m") == 1
    for _ in range(4):
        sampling.wants(*asked(rows=500))
    sampling.round(1.0, {})
    assert sampling.every("m") > 1
    large = Sampling(10)
    for _ in range(4):
        large.wants(*asked(width=1 << 16))
    large.round(1.0, {})
    assert large.every("m") > 4


def test_a_request_that_is_too_large_to_be_copied_is_counted() -> None:
    sampling = Sampling(1e6)
    assert not sampling.wants(*asked(width=LARGEST // 4))
    assert sampling.dropped()["large"] == 1


def test_models_that_are_not_watched_and_answers_without_tensors_are_left_out() -> None:
    sampling = Sampling(100)
    sampling.off.add("other")
    request, _ = asked()
    assert not sampling.wants(*asked(name="other"))
    assert not sampling.wants(request, Response(ModelVersion("m", 1), (), None))


def _rounds(sampling: Sampling, rounds: int, requests: int, each_s: float) -> list[int]:
    """Requests looked at in each second, looking at one taking so much processor time."""
    looked = []
    for _ in range(rounds):
        looked.append(sum(sampling.wants(*asked()) for _ in range(requests)))
        sampling.round(1.0, {"m": Looked(looked[-1], looked[-1] * each_s)})
    return looked


def test_looking_takes_no_more_of_a_core_than_its_share_in_the_long_run() -> None:
    looked = _rounds(Sampling(5000), 60, 2000, each_s=100e-6)
    assert looked[0] == 2000
    assert EACH * 0.5 <= sum(looked[-20:]) * 100e-6 / 20 <= EACH * 1.1


def test_what_is_cheap_to_look_at_or_comes_all_at_once_is_looked_at_whole() -> None:
    assert sum(_rounds(Sampling(5000), 30, 2000, each_s=EACH / 2000)) == 60_000
    assert sum(_rounds(Sampling(5000), 1, 2500, each_s=100e-6)) == 2500


def test_of_a_later_burst_no_more_is_taken_than_there_is_time_to_look_at() -> None:
    sampling = Sampling(5000)
    _rounds(sampling, 100, 10, each_s=100e-6)
    (taken,) = _rounds(sampling, 1, 5000, each_s=100e-6)
    assert taken == pytest.approx((CREDIT_S + 2 * EACH) / 100e-6, abs=1)
    assert sampling.dropped()["rate"] == 5000 - taken


def test_a_load_that_ends_has_what_follows_looked_at_whole_again() -> None:
    sampling, each_s = Sampling(5000), EACH / 100
    _rounds(sampling, 20, 2000, each_s)
    assert sampling.every("m") > 1
    assert _rounds(sampling, 3, 50, each_s)[-1] == 50


def test_what_is_looked_at_after_its_round_is_not_taken_for_dear() -> None:
    sampling, each_s, waiting = Sampling(5000), 50e-6, 0
    for came in (400, 1, 1, 1, 400):
        looked, waiting = waiting, sum(sampling.wants(*asked()) for _ in range(came))
        sampling.round(1.0, {"m": Looked(looked, looked * each_s)})
    assert waiting == 400


def test_a_first_request_that_is_dear_is_outweighed_by_those_after_it() -> None:
    sampling = Sampling(5000)
    assert sampling.wants(*asked())
    sampling.round(1.0, {"m": Looked(1, 0.005)})
    looked = _rounds(sampling, 6, 200, each_s=20e-6)
    assert looked[0] < 50
    assert looked[-1] == 200


def _all_rounds(rounds: int, requests: dict[str, int], each_s: float) -> list[dict[str, int]]:
    """The same of several models."""
    sampling, looked = Sampling(1e6), []
    for _ in range(rounds):
        looked.append({of: sum(sampling.wants(*asked(name=of)) for _ in range(came)) for of, came in requests.items()})
        sampling.round(1.0, {of: Looked(number, number * each_s) for of, number in looked[-1].items()})
    return looked


def test_a_model_that_is_asked_seldom_is_looked_at_whole_beside_busy_ones() -> None:
    looked = _all_rounds(60, {"busy": 2000, "busier": 4000, "seldom": 14}, each_s=100e-6)
    assert [each["seldom"] for each in looked] == [14] * 60


def test_looking_at_all_models_takes_no_more_of_a_core_than_their_share_in_the_long_run() -> None:
    looked = _all_rounds(100, {f"m{number}": 100 for number in range(15)}, each_s=100e-6)
    spent_s = [sum(each.values()) * 100e-6 for each in looked[-40:]]
    assert SHARE * 0.5 <= sum(spent_s) / 40 <= SHARE * 1.1


def test_a_model_that_is_gone_is_forgotten() -> None:
    sampling = Sampling(100)
    for _ in range(2000):
        sampling.wants(*asked())
    sampling.round(1.0, {})
    sampling.forget("m")
    assert sampling.every("m") == 1


def test_of_many_that_come_at_once_none_is_asked_for_while_one_in_more_is_looked_at() -> None:
    sampling = Sampling(100)
    for _ in range(3):
        for _ in range(1000):
            sampling.wants(*asked())
        sampling.round(1.0, {})
    every = sampling.every("m")
    assert every >= 8
    sampling.wants(*asked())  # where it is within its one in so many is not known
    taken = 0
    for _ in range(10 * every):
        if not sampling.passes("m", 4):
            taken += sum(sampling.wants(*asked()) for _ in range(4))
    assert taken == pytest.approx(40, abs=2)


def test_a_model_that_nobody_asked_for_is_not_passed_over() -> None:
    assert not Sampling(100).passes("m", 4)


def test_whatever_is_not_looked_at_is_left_out_on_purpose() -> None:
    assert Sampling(100).dropped().keys() <= set(ON_PURPOSE)
