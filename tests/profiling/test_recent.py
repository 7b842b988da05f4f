"""Of what others had recorded the last few requests of each version are remembered."""

import pytest

from headrace.profiling import recent as module
from headrace.profiling.recent import KEPT, KEPT_OF_GONE, Recent
from headrace.records import ModelEvent, SampleRecord
from headrace.types import ModelVersion, Tensor

M = ModelVersion("m", 1)


def sample(of: ModelVersion = M, data: bytes = b"1234") -> SampleRecord:
    return SampleRecord(of, "r", "", (Tensor("x", "UINT8", (1, len(data)), data),), (), 0, None)


def test_the_last_few_are_kept() -> None:
    recent = Recent()
    recent([sample(data=bytes([number])) for number in range(10)])
    assert [inputs[0].data for inputs in recent.of(M)] == [bytes([number]) for number in range(10 - KEPT, 10)]
    assert recent.of(ModelVersion("m", 2)) == ()


def test_only_so_much_is_kept_and_the_version_goes_first_that_was_not_asked_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    recent, other = Recent(), ModelVersion("m", 2)
    recent([sample(), sample(), sample(other)])
    assert (len(recent.of(M)), len(recent.of(other))) == (1, 1)
    recent([sample(other)])
    assert (len(recent.of(M)), len(recent.of(other))) == (0, 2)


def test_one_that_is_larger_than_all_that_is_kept_is_not() -> None:
    recent = Recent()
    recent([sample(), sample(data=bytes(module.MOST_BYTES + 1))])
    assert recent.of(M) == ()


def test_of_a_version_that_is_out_of_memory_less_is_kept() -> None:
    recent, other = Recent(), ModelVersion("m", 2)
    recent([*[sample(data=bytes([number])) for number in range(KEPT)], *[sample(other)] * KEPT])
    recent([ModelEvent("m", 1, "UNAVAILABLE", "unloaded", 0.0)])
    assert [inputs[0].data for inputs in recent.of(M)] == [bytes([KEPT - 1])] * KEPT_OF_GONE
    assert len(recent.of(other)) == KEPT
