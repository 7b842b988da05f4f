"""Models without weights do what their file says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headrace.errors import InputRefused, ModelInvalid
from headrace.runtimes.fake import Fake
from headrace.runtimes.runtime import LoadedModel
from headrace.types import FREE
from tests.runtimes.manifests import manifest

NOOP = """
[[inputs]]
name = "INPUT"
shape = [-1, 4096]
[[outputs]]
name = "OUTPUT"
shape = [-1, 128]
value = "slice"
"""


def load(text: str, folder: Path) -> LoadedModel:
    path = folder / "model.fake"
    path.write_text(text)
    return Fake().load(manifest(path, "fake"), threads=1)


def test_the_no_op_of_16_kib_gives_the_start_of_each_row(tmp_path: Path) -> None:
    model = load(NOOP, tmp_path)
    rows = np.arange(3 * 4096, dtype=np.float32).reshape(3, 4096)
    found = model.run({"INPUT": rows}, ())["OUTPUT"]
    assert model.inputs[0].shape == (FREE, 4096)
    assert found.nbytes == 3 * 512
    assert np.array_equal(found, rows[:, :128])


def test_outputs_are_zeros_a_slice_or_a_sum(tmp_path: Path) -> None:
    outputs = "".join(
        f'[[outputs]]\nname = "{value}"\nshape = [-1, 3]\nvalue = "{value}"\n' for value in ("zeros", "slice", "sum")
    )
    model = load(f'[[inputs]]\nname = "x"\nshape = [-1, 2]\n{outputs}', tmp_path)
    found = model.run({"x": np.array([[1, 2], [3, 4]], np.float32)}, ())
    assert found["zeros"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert found["slice"].tolist() == [[1, 2, 0], [3, 4, 0]]
    assert found["sum"].tolist() == [[3, 3, 3], [7, 7, 7]]


def test_free_dimensions_are_the_inputs(tmp_path: Path) -> None:
    model = load('[[inputs]]\nname = "x"\nshape = [-1, -1]\n[[outputs]]\nname = "y"\nshape = [-1, -1]\n', tmp_path)
    assert model.run({"x": np.zeros((2, 5), np.float32)}, ())["y"].shape == (2, 5)


def test_only_the_outputs_asked_for_are_made(tmp_path: Path) -> None:
    text = '[[inputs]]\nname = "x"\nshape = [1]\n' + "".join(
        f'[[outputs]]\nname = "{name}"\nshape = [1]\n' for name in "ab"
    )
    assert set(load(text, tmp_path).run({"x": np.zeros(1, np.float32)}, ("b",))) == {"b"}


def test_strings_pass_through(tmp_path: Path) -> None:
    text = '[[inputs]]\nname = "x"\nshape = [-1]\ndatatype = "BYTES"\n'
    text += '[[outputs]]\nname = "y"\nshape = [-1]\ndatatype = "BYTES"\nvalue = "slice"\n'
    given = np.array([b"one", b"two"], dtype=object)
    assert load(text, tmp_path).run({"x": given}, ())["y"].tolist() == [b"one", b"two"]


def test_a_row_may_be_refused_by_its_first_element(tmp_path: Path) -> None:
    model = load("refuse_on = 7\n" + NOOP, tmp_path)
    rows = np.zeros((2, 4096), np.float32)
    model.run({"INPUT": rows}, ())
    rows[1, 0] = 7
    with pytest.raises(InputRefused, match="a row starts with 7"):
        model.run({"INPUT": rows}, ())


def test_a_row_may_end_the_process(tmp_path: Path) -> None:
    (tmp_path / "model.fake").write_text("crash_on = 7\n" + NOOP)
    program = f"""
import numpy as np
from pathlib import Path
from headrace.runtimes.fake import FakeModel, read
FakeModel(read(Path({str(tmp_path / "model.fake")!r}))).run({{"INPUT": np.full((1, 4096), 7, np.float32)}}, ())
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 70


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delay = 3\n" + NOOP, "unknown field `delay`"),
        ("delay_ms = 'long'\n" + NOOP, r"Expected `float`, got `str` - at `\$.delay_ms`"),
        ("inputs = []\noutputs = []", "model.fake: inputs: has to name at least one"),
        (NOOP + 'datatype = "FP8"\n', r"model.fake: outputs\[0\].datatype: there is no 'FP8'; there are BOOL"),
        (NOOP + 'source = "other"\n', r"model.fake: outputs\[0\].source: there is no input 'other'"),
        ("what is this", "model.fake: "),
    ],
)
def test_a_fault_in_the_file_is_said_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=says):
        load(text, tmp_path)


def test_delays_are_read(tmp_path: Path) -> None:
    model = load("delay_ms = 0.01\nper_row_ms = 0.01\n" + NOOP, tmp_path)
    assert model.run({"INPUT": np.zeros((1, 4096), np.float32)}, ())["OUTPUT"].shape == (1, 128)
