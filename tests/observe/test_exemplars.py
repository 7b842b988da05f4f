"""For each bucket, the latest request that fell into it, and of many at once the slowest too."""

import msgspec

from headrace.observe.exemplars import LATEST, Exemplars
from headrace.records import RequestRecord
from tests.observe.make import answered


def _traced(digit: str, took_ns: int) -> RequestRecord:
    return msgspec.structs.replace(answered(took_ns=took_ns), trace=f"00-{digit * 32}-{'1' * 16}-01")


def test_a_later_request_takes_the_place_of_an_earlier_one_of_its_bucket() -> None:
    exemplars = Exemplars((10, 100))
    exemplars.note([_traced("a", 5), _traced("b", 50), _traced("c", 7), _traced("d", 500)])
    assert {place: trace[0] for place, (trace, _, _) in exemplars.by_bucket.items()} == {0: "c", 1: "b", 2: "d"}


def test_the_slowest_of_many_is_kept_however_early_it_came() -> None:
    exemplars = Exemplars((10, 100))
    exemplars.note([_traced("e", 500), *(_traced("a", 5) for _ in range(2 * LATEST))])
    assert exemplars.by_bucket[2][0] == "e" * 32
