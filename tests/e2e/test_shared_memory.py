"""Shared memory that is asked for wrongly, changed behind the server's back, or gone."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.attack import Answer, Target, row

pytestmark = pytest.mark.slow

SHM = Path("/dev/shm")


@pytest.fixture(autouse=True)
def _still_serves(target: Target) -> Iterator[None]:
    yield
    assert target.post("/v2/systemsharedmemory/unregister", {}).status == 200
    assert target.serves()


@pytest.fixture
def region() -> Iterator[Path]:
    """A file of 64 bytes whose floats are all 0."""
    path = SHM / f"headrace-test-{uuid.uuid4().hex}"
    path.write_bytes(bytes(64))
    yield path
    path.unlink(missing_ok=True)


def register(target: Target, key: object, name: str = "r", offset: object = 0, byte_size: object = 64) -> Answer:
    value = {"key": key, "offset": offset, "byte_size": byte_size}
    return target.post(f"/v2/systemsharedmemory/region/{name}/register", value)


def ask(target: Target, offset: object = 0, byte_size: object = 8, name: str = "r", out: Any = None) -> Answer:
    place = {"shared_memory_region": name, "shared_memory_offset": offset, "shared_memory_byte_size": byte_size}
    outputs = {"outputs": [{"name": "y", "parameters": out}]} if out else {}
    return target.infer("rows", row(data=None, parameters=place), **outputs)


@pytest.mark.parametrize(
    "key",
    ["../etc/passwd", "/../etc/passwd", "a/b", "/a/b", "//a", "..", ".", "/", "", "/..", "\0", "x" * 300, "missing", 5],
)
def test_a_key_that_is_no_name_of_a_file_there_is_refused(target: Target, key: object) -> None:
    answer = register(target, key)
    assert (answer.status, "key" in answer.error) == (400, True), answer.body


@pytest.mark.parametrize("to", ["/etc/passwd", "/dev/zero", "region"])
def test_a_symbolic_link_is_refused(target: Target, region: Path, to: str) -> None:
    link = region.with_name(region.name + "-link")
    link.symlink_to(region if to == "region" else to)
    try:
        assert register(target, "/" + link.name).status == 400
    finally:
        link.unlink()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused(target: Target, region: Path, make: Any) -> None:
    region.unlink()
    make(region)
    try:
        assert register(target, "/" + region.name).status == 400
    finally:
        region.rmdir() if region.is_dir() else region.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(target: Target, region: Path) -> None:
    os.chown(region, 12345, 12345)
    answer = register(target, "/" + region.name)
    assert (answer.status, "another user" in answer.error) == (400, True)


@pytest.mark.parametrize(
    ("offset", "byte_size", "where"),
    [
        (-1, 64, "offset"),
        (1, 64, "byte_size"),
        (0, 65, "byte_size"),
        (0, 0, "byte_size"),
        (0, -5, "byte_size"),
        (2**63, 2**63, "offset"),
        (2**64 - 1, 2, "offset"),
        (2**70, 1, "offset"),
        ("0", 64, "offset"),
    ],
)
def test_a_region_beyond_its_file_is_refused(
    target: Target, region: Path, offset: object, byte_size: object, where: str
) -> None:
    answer = register(target, "/" + region.name, offset=offset, byte_size=byte_size)
    assert answer.status == 400
    assert where in answer.error or "byte_size" in answer.error


@pytest.mark.parametrize(
    ("offset", "byte_size"), [(57, 8), (-8, 8), (2**63, 8), (2**64 - 8, 8), (0, 2**63), (0, 7), (0, -8), ("0", 8)]
)
def test_a_tensor_beyond_its_region_is_refused(target: Target, region: Path, offset: object, byte_size: object) -> None:
    assert register(target, "/" + region.name).status == 200
    answer = ask(target, offset, byte_size)
    assert (answer.status, "inputs[0]" in answer.error) == (400, True), answer.body


def test_a_file_cut_short_after_it_was_registered_is_refused(target: Target, region: Path) -> None:
    assert register(target, "/" + region.name).status == 200
    os.truncate(region, 4)
    answer = ask(target)
    assert (answer.status, "too short" in answer.error) == (400, True)
    into = {"shared_memory_region": "r", "shared_memory_byte_size": 8}
    answer = target.infer("rows", row(), outputs=[{"name": "y", "parameters": into}])
    assert (answer.status, "too short" in answer.error) == (400, True)
    assert region.stat().st_size == 4


def test_a_region_that_was_removed_from_the_disk_still_works(target: Target, region: Path) -> None:
    assert register(target, "/" + region.name).status == 200
    region.unlink()
    assert ask(target).status == 200


def test_two_regions_may_share_a_file_and_one_may_go(target: Target, region: Path) -> None:
    for name in ("r", "s"):
        assert register(target, "/" + region.name, name).status == 200
    assert register(target, "/" + region.name).status == 400  # the name is taken
    assert target.post("/v2/systemsharedmemory/region/s/unregister", {}).status == 200
    assert ask(target).status == 200
    assert ask(target, name="s").status == 404


def test_an_output_larger_than_its_place_is_refused(target: Target, region: Path) -> None:
    assert register(target, "/" + region.name).status == 200
    answer = ask(target, out={"shared_memory_region": "r", "shared_memory_byte_size": 4})
    assert (answer.status, "outputs[0]" in answer.error) == (400, True)


def test_more_regions_than_a_client_needs_are_refused_before_files_run_out(target: Target, region: Path) -> None:
    statuses = {register(target, "/" + region.name, f"n{number}").status for number in range(1500)}
    assert statuses == {200, 400}
