"""A mirror, round after round."""

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.mirror import Mirror
from tests.remote.fake_store import FakeStore

FIRST = {"m/1/model.xml": b"graph of one", "m/1/model.bin": b"weights of one"}
SECOND = {"m/2/model.xml": b"graph of two", "m/2/model.bin": b"weights of two"}


class Elsewhere:
    """A store, its mirror, and what happens while the mirror waits."""

    def __init__(self, home: Path) -> None:
        self.store = FakeStore(dict(FIRST))
        self.home = home
        self.meanwhile: Callable[[], None] = lambda: None
        self.mirror = self.start()

    def start(self) -> Mirror:
        mirror = Mirror(self.store, self.home, "models", settle_s=1, sleep=self._sleep)
        mirror.open()
        return mirror

    async def _sleep(self, seconds: float) -> None:
        assert seconds == 1
        self.meanwhile()

    async def sync(self) -> tuple[str, ...]:
        return (await self.mirror.sync(settled=True)).faults

    def seen(self) -> dict[str, bytes]:
        tree = self.mirror.path
        return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    def add_sums(self, **others: bytes) -> None:
        named = {path.removeprefix("m/"): data for path, data in self.store.contents.items()} | others
        lines = [f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in named.items()]
        self.store.contents["m/SHA256SUMS"] = "".join(lines).encode()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path)


async def test_what_is_elsewhere_is_here_and_goes_when_it_goes(elsewhere: Elsewhere) -> None:
    assert not await elsewhere.sync()
    assert elsewhere.seen() == FIRST
    elsewhere.store.contents = SECOND
    assert not await elsewhere.sync()
    assert elsewhere.seen() == SECOND


async def test_a_round_without_a_change_fetches_nothing(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.store.sent.clear()
    assert not (await elsewhere.mirror.sync(settled=True)).published
    assert not elsewhere.store.sent


async def test_the_next_start_knows_what_is_here(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.mirror.close()
    elsewhere.store.sent.clear()
    elsewhere.mirror = elsewhere.start()
    assert not elsewhere.mirror.is_empty
    await elsewhere.sync()
    assert not elsewhere.store.sent


async def test_a_cut_shows_nothing_half_and_the_next_round_goes_on(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.store.contents |= SECOND
    elsewhere.store.cut_at = 8
    assert await elsewhere.sync() == ("cut off",)
    assert elsewhere.seen() == FIRST
    assert not await elsewhere.sync()
    assert elsewhere.seen() == FIRST | SECOND
    assert 8 in {start for _, start in elsewhere.store.sent}


async def test_an_object_that_is_replaced_while_it_comes_has_its_version_start_again(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.store.contents |= SECOND
    other = {"m/2/model.xml": b"another two!", "m/2/model.bin": b"others of two!"}
    elsewhere.store.after = lambda: elsewhere.store.contents.update(other)
    (fault,) = await elsewhere.sync()
    assert "replaced" in fault or "changed while it was fetched" in fault
    assert elsewhere.seen() == FIRST
    assert not await elsewhere.sync()
    assert elsewhere.seen() == FIRST | other


async def test_a_change_that_goes_on_is_waited_for(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.store.contents["m/2/model.xml"] = SECOND["m/2/model.xml"]
    elsewhere.meanwhile = lambda: elsewhere.store.contents.update(SECOND)
    await elsewhere.sync()
    assert elsewhere.seen() == FIRST
    await elsewhere.sync()
    assert elsewhere.seen() == FIRST | SECOND


async def test_sums_are_held_to(elsewhere: Elsewhere) -> None:
    elsewhere.add_sums()
    elsewhere.store.contents["m/1/model.bin"] = b"weights of tw0"
    (fault,) = await elsewhere.sync()
    assert fault.startswith("m/1/model.bin is not the file that its SHA-256 means")
    assert not elsewhere.seen()
    elsewhere.add_sums()
    assert not await elsewhere.sync()
    assert elsewhere.seen().keys() == FIRST.keys()


async def test_a_model_waits_for_the_files_that_its_sums_name_and_others_do_not(elsewhere: Elsewhere) -> None:
    elsewhere.add_sums(**{"1/more.bin": b"more"})
    elsewhere.store.contents["n/model.onnx"] = b"another"
    (fault,) = await elsewhere.sync()
    assert fault.startswith("m/1/more.bin is named in SHA256SUMS and is not there")
    assert elsewhere.seen() == {"n/model.onnx": b"another"}


async def test_sums_that_cannot_be_read_keep_back_their_model_alone(elsewhere: Elsewhere) -> None:
    elsewhere.store.contents |= {"n/SHA256SUMS": b"?", "n/model.onnx": b"another"}
    (fault,) = await elsewhere.sync()
    assert fault.startswith("n/SHA256SUMS, line 1")
    assert elsewhere.seen() == FIRST


async def test_a_listing_with_nothing_in_it_is_not_believed(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.store.contents = {}
    with pytest.raises(RemoteFault, match="holds no files; give the address of a folder of models"):
        await elsewhere.sync()
    assert elsewhere.seen() == FIRST


async def test_a_disk_that_is_full_shows_nothing_half_and_is_said(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    elsewhere.store.contents |= SECOND
    elsewhere.store.after = lambda: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device"))
    (fault,) = await elsewhere.sync()
    assert fault.startswith("there is no room for m in")
    assert fault.endswith("(No space left on device); make some, or give another remote.dir")
    assert elsewhere.seen() == FIRST
    assert not list((elsewhere.home / "parts").iterdir())
    elsewhere.store.after = lambda: None
    assert not await elsewhere.sync()
    assert elsewhere.seen() == FIRST | SECOND


async def test_what_can_never_fit_is_not_begun(elsewhere: Elsewhere) -> None:
    real = elsewhere.store.files

    async def files() -> list[RemoteFile]:
        return [RemoteFile(file.path, 1 << 60, file.etag) for file in await real()]

    elsewhere.store.files = files  # type: ignore[method-assign]
    (fault,) = await elsewhere.sync()
    assert "it needs 2,305,843,009,213,693,952 bytes, and " in fault
    assert not elsewhere.store.sent


async def test_a_mirror_that_was_removed_is_made_again(elsewhere: Elsewhere) -> None:
    await elsewhere.sync()
    for path in sorted(elsewhere.home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(RemoteFault, match="cannot be kept"):
        await elsewhere.sync()
    assert not await elsewhere.sync()
    assert elsewhere.seen() == FIRST


async def test_a_mirror_is_one_process_s_at_a_time(elsewhere: Elsewhere) -> None:
    with pytest.raises(RemoteFault, match=r"process \d+ keeps the mirror in .*remote\.dir"):
        elsewhere.start()
    elsewhere.mirror.close()
    elsewhere.start().close()


async def test_progress_is_told_in_bytes(elsewhere: Elsewhere) -> None:
    told: list[tuple[str, int, int]] = []
    await elsewhere.mirror.sync(settled=False, progress=lambda *facts: told.append(facts))
    total = sum(map(len, FIRST.values()))
    assert told[-1] == ("m", total, total)


async def test_what_came_of_files_that_are_gone_is_removed(elsewhere: Elsewhere) -> None:
    elsewhere.store.cut_at = 8
    await elsewhere.sync()
    elsewhere.store.contents = dict(SECOND)
    await elsewhere.sync()
    assert not list((elsewhere.home / "parts").iterdir())
