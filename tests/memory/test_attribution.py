"""A process is the server's, a version's or a stranger, and what a load has reserved is not counted twice."""

from headrace.memory.attribution import Attribution
from headrace.memory.processes import Taken
from headrace.types import ModelVersion

A = ModelVersion("a", 1)
SERVER = 10


def took(**pss: int) -> dict[int, Taken]:
    return {int(pid[1:]): Taken(num_bytes, 1) for pid, num_bytes in pss.items()}


def test_each_process_is_counted_where_it_belongs() -> None:
    reading = Attribution(SERVER).read(took(p10=100, p11=20, p12=30, p13=7), {A: [11, 12]}, 0.0, None)
    assert (reading.server_bytes, reading.other_bytes, reading.by_version) == (100, 7, {A: Taken(50, 2)})
    assert (reading.total_bytes, reading.shared_bytes) == (157, 4)


def test_a_stranger_that_came_since_a_load_began_is_that_loads() -> None:
    attribution = Attribution(SERVER)
    reading = attribution.read(took(p10=100, p11=20), {}, 5.0, 4.0)
    assert (reading.other_bytes, reading.total_bytes) == (0, 120)
    assert attribution.read(took(p10=100, p11=25), {}, 6.0, 4.0).other_bytes == 0


def test_one_that_was_there_before_counts_with_what_it_took_then() -> None:
    attribution = Attribution(SERVER)
    attribution.read(took(p10=100, p11=9), {}, 3.0, None)
    assert attribution.read(took(p10=100, p11=60), {}, 5.0, 4.0).other_bytes == 9
    assert attribution.read(took(p10=100, p11=60), {}, 6.0, None).other_bytes == 60


def test_a_process_that_is_gone_is_forgotten() -> None:
    attribution = Attribution(SERVER)
    attribution.read(took(p10=100, p11=9), {}, 3.0, None)
    attribution.read(took(p10=100), {}, 4.0, None)
    assert attribution.read(took(p10=100, p11=9), {}, 6.0, 5.0).other_bytes == 0
