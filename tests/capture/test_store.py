"""Captured requests on disk."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.capture.captured import Captured, CapturedTensor
from headrace.capture.store import Store
from headrace.errors import Unavailable


def captured(model: str = "m", version: int = 1, at: float = 1.0, size: int = 4) -> Captured:
    tensor = CapturedTensor("x", "UINT8", (size,), bytes(size))
    return Captured(at, 7, model, version, "r", "t", 1.5, 2, (tensor,), (tensor,))


Made = Callable[..., Store]


@pytest.fixture
def made() -> Iterator[Made]:
    stores: list[Store] = []

    def make(file: Path | None = None, most_bytes: int = 1 << 20) -> Store:
        stores.append(Store(file, most_bytes))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def test_what_is_kept_comes_back_as_it_was(made: Made, tmp_path: Path) -> None:
    one, two = captured(at=1.0), captured(version=2, at=2.0)
    made(tmp_path / "c.db").add([one, two])
    store = made(tmp_path / "c.db")
    assert store.read("m", None, 0, 10) == [(1, one), (2, two)]
    assert store.read("m", 2, 0, 10) == [(2, two)]
    assert store.read("m", None, 1, 10) == [(2, two)]
    assert store.read("m", None, 0, 1) == [(1, one)]
    assert store.read("n", None, 0, 10) == []


def test_each_version_is_summed_up(made: Made) -> None:
    store = made()
    store.add([captured(at=1.0), captured(at=3.0), captured(version=2, at=2.0)])
    first, second = store.summaries()
    assert (first.model, first.version, first.requests, first.oldest, first.newest) == ("m", "1", 2, 1.0, 3.0)
    assert (second.version, second.requests) == ("2", 1)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may become larger than a few pages: what is larger fails once it is to be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_full_disk_did_not_take_is_not_made_room_for(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "c.db", most_bytes=200_000)
    store.add([captured(size=5_000)])
    with full_disk():
        assert [store.add([captured(size=30_000)]) for _ in range(3)] == [1, 1, 1]
    assert store.add([captured(size=10_000)]) == 0
    assert len(store.read("m", None, 0, 10)) == 2


def test_what_cannot_be_forgotten_is_told(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "c.db")
    store.add([captured()])
    store._database.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable, match=r"cannot be forgotten now: .*; see to the disk"):
        store.remove("m")
    assert len(store.read("m", None, 0, 10)) == 1


def test_over_the_limit_the_oldest_go(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "c.db", most_bytes=100_000)
    for number in range(30):
        store.add([captured(at=float(number), size=5_000)])
    kept = [each.at for _, each in store.read("m", None, 0, 100)]
    assert kept == [float(number) for number in range(30 - len(kept), 30)]
    assert 7 <= len(kept) <= 10
    again = made(tmp_path / "c.db", most_bytes=50_000)
    again.add([captured(at=99.0, size=5_000)])
    assert len(again.read("m", None, 0, 100)) <= 5


def test_what_is_to_be_forgotten_is_in_no_file(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "c.db")
    secret = b"a secret of many letters"
    tensor = CapturedTensor("x", "UINT8", (len(secret),), secret)
    store.add([Captured(1.0, 1, "m", 1, "r", "", 1.0, 1, (tensor,), ())])
    store.add([captured(model="n")])
    assert store.remove("m") == 1
    assert store.remove("m") == 0
    assert not [path for path in tmp_path.iterdir() if secret in path.read_bytes()]
    assert store.read("n", None, 0, 10)


def test_a_disk_that_takes_nothing_is_told(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "c.db")
    store._database.execute("PRAGMA query_only = ON")
    assert store.add([captured(), captured()]) == 2
