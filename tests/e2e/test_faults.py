"""Files and disks that fail while a server runs: the error is said, and nobody else notices."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.attack import Target, row
from tests.e2e.conftest import add_fake
from tests.models.onnx_models import dense, save
from tests.program import ANY_PORTS, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Target]:
    add_fake(tmp_path, "rows")
    with serving(tmp_path, *ANY_PORTS, "--set", "models.control=explicit", "--set", "models.load=rows") as program:
        target = Target(program)
        yield target
        assert target.infer("rows", row(data=[1, 2])).status == 200
        assert target.index()["rows"]["state"] == "READY"


def test_a_model_whose_file_is_cut_off_anywhere_is_refused_with_a_reason(server: Target, tmp_path: Path) -> None:
    whole = save(dense(), tmp_path / "whole").read_bytes()
    for tenth in range(10):
        name = f"cut_{tenth}0"
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(whole[: len(whole) * tenth // 10])
        answer = server.post(f"/v2/repository/models/{name}/load", {})
        assert (answer.status, "model.onnx" in answer.error or "empty" in answer.error) == (400, True), answer.body
    assert server.post("/v2/repository/models/whole/load", {}).status == 200


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_refused_with_a_reason(server: Target, tmp_path: Path) -> None:
    save(dense(), tmp_path / "closed").chmod(0)
    answer = server.post("/v2/repository/models/closed/load", {})
    assert (answer.status, "ermission" in answer.error) == (400, True), answer.body


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """A small file system with no room left; the test is left out where none may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_under_state_and_cache_costs_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    add_fake(repository, "rows")
    with full_disk(tmp_path / "full") as full:
        monkeypatch.setenv("XDG_CACHE_HOME", str(full))
        with serving(repository, *ANY_PORTS, "--set", f"state.dir={full}/state") as program:
            server = Target(program)
            assert server.infer("rows", row(data=[1, 2])).status == 200
            answer = server.post("/v2/repository/models/rows/unload", {})
            assert answer.status == 200 or "state" in answer.error or "space" in answer.error, answer.body
            assert server.ask("GET", "/v2/health/live").status == 200
