"""What was learnt is written when it is saved, and once."""

from pathlib import Path

from headrace.memory.profiles import Files
from headrace.models.learnt import Learnt
from headrace.models.profile_store import ProfileStore


async def test_what_one_start_has_learnt_the_next_one_knows(tmp_path: Path) -> None:
    files = Files("key", 10, "onnx")
    learnt = Learnt(ProfileStore(tmp_path))
    learnt.profiles.loaded(files, 40, 0.5, None)
    await learnt.save()
    after = Learnt(ProfileStore(tmp_path))
    await after.read()
    assert after.profiles.of(files) == learnt.profiles.of(files)


async def test_where_nothing_is_new_nothing_is_written(tmp_path: Path) -> None:
    learnt = Learnt(ProfileStore(tmp_path / "cache"))
    await learnt.read()
    await learnt.save()
    assert ProfileStore(tmp_path / "cache").read() == {}
