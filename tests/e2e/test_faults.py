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
from tests.engine_files import llama
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


def test_a_language_model_whose_file_is_cut_off_anywhere_is_refused_with_a_reason(
    server: Target, tmp_path: Path
) -> None:
    whole = llama()
    for tenth in range(10):
        name = f"cut_{tenth}0"
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.gguf").write_bytes(whole[: len(whole) * tenth // 10])
        answer = server.post(f"/v2/repository/models/{name}/load", {})
        said = any(word in answer.error for word in ("truncated", "ends", "empty"))
        assert (answer.status, said) == (400, True), answer.body


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[Target]:
    """A server that may read only what its files' permissions say, also where tests are run by the superuser."""
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("the superuser may read everything, and there is no setpriv")
        before = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    for name in ("rows", "other"):
        add_fake(tmp_path, name)
    settings = ("models.settle_s=0.05", "models.poll_s=0.1")
    with serving(tmp_path, *ANY_PORTS, *(f"--set={each}" for each in settings), before=before) as program:
        yield Target(program)


def test_a_file_that_may_not_be_read_is_refused_with_a_reason(bound: Target, tmp_path: Path) -> None:
    save(dense(), tmp_path / "closed").chmod(0)
    answer = bound.post("/v2/repository/models/closed/load", {})
    assert (answer.status, "ermission" in answer.error) == (400, True), answer.body
    assert bound.infer("rows", row(data=[1, 2])).status == 200


def test_what_is_served_goes_on_when_its_permissions_are_revoked_and_is_followed_again_after(
    bound: Target, tmp_path: Path
) -> None:
    (tmp_path / "rows" / "model.fake").chmod(0)
    answer = bound.post("/v2/repository/models/rows/load", {})
    assert (answer.status, "ermission" in answer.error) == (400, True), answer.body
    (tmp_path / "rows").chmod(0)
    try:
        answer = bound.post("/v2/repository/models/rows/load", {})
        assert (answer.status, "ermission" in answer.error) == (400, True), answer.body
        for model in ("rows", "other"):
            assert bound.infer(model, row(data=[1, 2])).status == 200
    finally:
        (tmp_path / "rows").chmod(0o755)
        (tmp_path / "rows" / "model.fake").chmod(0o644)
    assert bound.post("/v2/repository/models/rows/load", {}).status == 200
    assert bound.index()["rows"]["state"] == "READY"


def test_state_that_can_no_longer_be_written_is_said_and_costs_no_answer(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = tmp_path_factory.mktemp("state")
    add_fake(tmp_path, "rows")
    with serving(tmp_path, *ANY_PORTS, "--set", f"state.dir={state}") as program:
        server = Target(program)
        shutil.rmtree(state)
        answer = server.post("/v2/repository/models/rows/unload", {})
        assert (answer.status, "until the server ends" in answer.error) == (507, True), answer.body
        assert server.index()["rows"]["state"] == "UNAVAILABLE"
        assert server.post("/v2/repository/models/rows/load", {}).status == 507
        assert server.infer("rows", row(data=[1, 2])).status == 200
        assert server.ask("GET", "/v2/health/live").status == 200


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
            assert (answer.status, "until the server ends" in answer.error) == (507, True), answer.body
            assert server.ask("GET", "/v2/health/live").status == 200
