"""A silence covers the alerts that have all its labels, until its time is over."""

from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.objectives.rules import DISK, MODEL_FAILED
from headrace.objectives.silences import MOST, Silences
from tests.objectives.make import condition

FAILED = condition(model="ocr", version="3").key


@pytest.mark.parametrize(
    ("match", "covers"),
    [
        ({"alert": MODEL_FAILED}, True),
        ({"model": "ocr"}, True),
        ({"alert": MODEL_FAILED, "model": "ocr", "version": "3"}, True),
        ({"alert": DISK, "model": "ocr"}, False),
        ({"model": "oc"}, False),
        ({"place": "state"}, False),
    ],
)
def test_it_covers_alerts_that_have_all_its_labels(match: dict[str, str], covers: bool) -> None:
    silences = Silences()
    made = silences.add(match, 60, "deploying", 0)
    assert silences.covering(FAILED) == (made if covers else None)


def test_it_is_over_after_its_time() -> None:
    silences = Silences()
    silences.add({"model": "ocr"}, 60, "", 0)
    silences.expire(59)
    assert silences.covering(FAILED)
    silences.expire(60)
    assert not silences.all()


def test_it_can_be_taken_back() -> None:
    silences = Silences()
    made = silences.add({"model": "ocr"}, 60, "", 0)
    assert silences.remove(made.id)
    assert not silences.remove(made.id)
    assert silences.covering(FAILED) is None


def test_those_of_an_earlier_start_go_on_and_new_ones_have_other_names() -> None:
    before, after = Silences(), Silences()
    before.add({"model": "ocr"}, 60, "", 0)
    before.add({"model": "m"}, 10, "", 0)
    after.restore(before.all(), 30)
    assert [each.match for each in after.all()] == [{"model": "ocr"}]
    made = after.add({"model": "n"}, 60, "", 31)
    assert len({made.id, *(each.id for each in before.all())}) == 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"match": {}}, "match: is empty"),
        ({"match": {"modle": "m"}}, "match.modle: alerts have no such label; they have alert, model"),
        ({"match": {"model": "m" * 501}}, "match.model: has more than 500 characters"),
        ({"for_s": 0}, "for_s: 0 is not a number of seconds above 0"),
        ({"for_s": float("nan")}, "for_s: nan is not"),
        ({"for_s": 1e9}, "for_s: 1e+09 is not a number of seconds above 0 and at most 2,678,400"),
        ({"reason": "x" * 501}, "reason: has more than 500 characters"),
    ],
)
def test_one_that_cannot_be_is_refused_by_its_field(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Silences().add(**{"match": {"model": "m"}, "for_s": 60, "reason": "", **asked}, now_s=0)
    assert str(refused.value).startswith(said)


def test_there_are_only_so_many() -> None:
    silences = Silences()
    for number in range(MOST):
        silences.add({"model": str(number)}, 60, "", 0)
    with pytest.raises(InvalidRequest, match="take one back first"):
        silences.add({"model": "one more"}, 60, "", 0)
