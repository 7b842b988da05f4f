"""One server for all the attacks of this folder that it should survive: good models, broken ones beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.attack import Target
from tests.models.onnx_models import dense, external, identity, one_node, save
from tests.program import ANY_PORTS, serving

ROWS = 'inputs = [{ name = "x", shape = [-1, 2] }]\noutputs = [{ name = "y", shape = [-1, 2], value = "slice" }]\n'
PAIR = (
    'inputs = [{ name = "a", shape = [-1, 4], datatype = "INT32" }, { name = "b", shape = [-1, 4], '
    'datatype = "INT32" }]\noutputs = [{ name = "y", shape = [-1, 4], datatype = "INT32", value = "slice" }]\n'
)
MAX_BODY_BYTES = 1 << 20


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    add_good(folder)
    add_broken(folder)
    return folder


@pytest.fixture(scope="session")
def target(repository: Path) -> Iterator[Target]:
    settings = (f"server.max_body_bytes={MAX_BODY_BYTES}", "protocols.oip.shared_memory=true")
    flags = [flag for setting in settings for flag in ("--set", setting)]
    with serving(repository, *ANY_PORTS, *flags) as program:
        yield Target(program)


def add_fake(folder: Path, name: str, text: str = ROWS) -> None:
    (folder / name).mkdir()
    (folder / name / "model.fake").write_text(text)


def add_good(folder: Path) -> None:
    add_fake(folder, "rows")
    add_fake(folder, "pair", PAIR)
    strings = ROWS.replace("[-1, 2]", '[-1, 2], datatype = "BYTES"')
    add_fake(folder, "strings", strings)
    add_fake(folder, "half", ROWS.replace("[-1, 2]", '[-1, 2], datatype = "FP16"'))
    add_fake(folder, "unbatched", ROWS.replace("[-1, 2]", "[-1, -1]"))
    (folder / "unbatched" / "model.toml").write_text("batching = false\n")
    save(identity(), folder / "onnx")
    save(dense(), folder / "dense")


def add_broken(folder: Path) -> None:
    """Models that cannot be served, each for a reason of its own; the name says it."""
    whole = save(identity(), folder / "truncated").read_bytes()
    (folder / "truncated" / "model.onnx").write_bytes(whole[: len(whole) // 2])
    for name, content in {"empty": b"", "text": b"this is no model\n"}.items():
        (folder / name).mkdir()
        (folder / name / "model.onnx").write_bytes(content)
    (folder.parent / "secret.bin").write_bytes(bytes(16))
    save(external("../secret.bin"), folder / "outside")
    save(external(str(folder.parent / "secret.bin")), folder / "absolute")
    save(external("missing.bin"), folder / "missing")
    save(one_node("Frobnicate"), folder / "operator")
    add_fake(folder, "pbtxt")
    (folder / "pbtxt" / "config.pbtxt").write_text('name: "pbtxt"\nmax_batch_size: {\n')
    add_fake(folder, "key")
    (folder / "key" / "model.toml").write_text("bathcing = false\n")
    add_fake(folder, "toml")
    (folder / "toml" / "model.toml").write_text("batching = \n")
    (folder / "nothing").mkdir()
    (folder / "dangling").symlink_to(folder / "nowhere")
