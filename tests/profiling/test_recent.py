"""Of what others had recorded the last few requests of each version are remembered."""

from headrace.profiling import recent as module
from headrace.profiling.recent import KEPT, VERSIONS, Recent
from headrace.records import SampleRecord
from headrace.types import ModelVersion, Tensor

M = ModelVersion("m", 1)


def sample(of: ModelVersion = M, data: bytes = b"1234") -> SampleRecord:
    return SampleRecord(of, "r", "", (Tensor("x", "UINT8", (1, len(data)), data),), (), 0, None)


def test_the_last_few_are_kept() -> None:
    recent = Recent()
    recent([sample(data=bytes([number])) for number in range(10)])
    assert [inputs[0].data for inputs in recent.of(M)] == [bytes([number]) for number in range(10 - KEPT, 10)]
    assert recent.of(ModelVersion("m", 2)) == ()


def test_a_large_one_is_not_kept() -> None:
    recent = Recent()
    recent([sample(data=bytes(module.MOST_BYTES + 1))])
    assert recent.of(M) == ()


def test_of_many_versions_those_that_are_asked_are_remembered() -> None:
    recent = Recent()
    recent([sample()])
    recent([sample(ModelVersion("m", number)) for number in range(2, VERSIONS + 2)])
    assert recent.of(M) == ()
    assert recent.of(ModelVersion("m", 2))
