"""The demo model's variants are written down as what they are."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from headrace.repository.manifest import parse_model_toml
from headrace.repository.overrides import SaidVariant
from tests.processor import CODES_OVERFLOW
from tools.quantise_minilm import LOCK, Nearness, Run, model_toml, nearness, vectors
from tools.sample_texts import Encoded

MINILM = Path(__file__).parents[2] / "models" / "minilm"


def vector(*numbers: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(numbers, np.float32)


def test_a_texts_vector_is_the_mean_of_its_tokens_of_length_1() -> None:
    def run(sample: Encoded) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.array([[[3, 0], [3, 8]]], np.float32)

    computes: Run = run
    (found,) = vectors(computes, [{"input_ids": np.array([[1, 2]])}])
    assert found == pytest.approx([0.6, 0.8])


def test_nearness_is_of_all_texts_and_of_the_one_that_is_farthest() -> None:
    wanted = [vector(1, 0), vector(0, 1)]
    assert nearness(wanted, wanted) == Nearness(1.0, 1.0)
    assert nearness(wanted, [vector(1, 0), vector(0.6, 0.8)]) == pytest.approx((0.9, 0.8))


def test_what_is_written_is_read_by_the_server(tmp_path: Path) -> None:
    near = {"int8": Nearness(0.99334, 0.988), "nncf-int8": Nearness(0.99671, 0.994)}
    text = model_toml({"int8": "int8.onnx", "nncf-int8": "nncf_int8.xml"}, near)
    said = parse_model_toml(text.encode(), tmp_path)
    assert said.variant == SaidVariant("fp32", 1.0)
    assert said.variants == (
        SaidVariant("int8", 0.9933, "int8.onnx"),
        SaidVariant("nncf-int8", 0.9967, "nncf_int8.xml"),
    )


def test_the_tools_packages_are_locked_by_hash_and_leave_the_environments_alone() -> None:
    text = LOCK.read_text()
    names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert "nncf" in names
    assert text.count("--hash=sha256:") >= len(names)
    locked = set(re.findall(r"^([\w.-]+)==", (LOCK.parents[1] / "requirements.lock").read_text(), re.MULTILINE))
    assert not locked & set(names)


@pytest.mark.skipif(not (MINILM / "model.toml").is_file(), reason="make setup has not placed the models")
def test_the_placed_variants_are_near_to_the_file_in_float32() -> None:
    said = tomllib.loads((MINILM / "model.toml").read_text())
    accuracy = {each["name"]: each["accuracy"] for each in said["variants"]}
    assert accuracy["int8"] > 0.99
    assert accuracy["nncf-int8"] > (0.99 if CODES_OVERFLOW else 0.995)
    assert all((MINILM / "1" / each["file"]).is_file() for each in said["variants"])
