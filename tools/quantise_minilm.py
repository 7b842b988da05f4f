"""all-MiniLM-L6-v2 in 8 bits, two ways, each with how near it comes to the file in float32: the demo's variants."""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import openvino
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic

from tools.sample_texts import Encoded, encoded, evaluation

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "tools" / "nncf.lock"

Vector = NDArray[np.float32]
Run = Callable[[Encoded], Vector]


class Nearness(NamedTuple):
    """Cosines of texts' vectors to those of the file in float32."""

    mean: float
    least: float


def write_variants(folder: Path) -> None:
    """Beside the version's `model.onnx`: both files, and a model.toml that names them with their accuracy.

    Raises RuntimeError where NNCF cannot be had or fails.
    """
    version, tokenizer = folder / "1", folder / "tokenizer.json"
    exact, int8, nncf_int8 = (version / name for name in ("model.onnx", "int8.onnx", "nncf_int8.xml"))
    logging.disable(logging.WARNING)  # it advises what is of no use here, in the middle of a line of progress
    quantize_dynamic(exact, int8, per_channel=True, weight_type=QuantType.QInt8)
    logging.disable(logging.NOTSET)
    _run_nncf(exact, tokenizer, nncf_int8)
    samples = encoded(evaluation(), tokenizer)
    wanted, *found = (vectors(run, samples) for run in (_onnx(exact), _onnx(int8), _openvino(nncf_int8)))
    near = dict(zip(("int8", "nncf-int8"), (nearness(wanted, each) for each in found), strict=True))
    (folder / "model.toml").write_text(model_toml({"int8": int8.name, "nncf-int8": nncf_int8.name}, near))


def vectors(run: Run, samples: Sequence[Encoded]) -> list[Vector]:
    """A text's is the mean of its tokens', of length 1."""
    means = [run(sample)[0].mean(axis=0) for sample in samples]
    return [mean / np.linalg.norm(mean) for mean in means]


def nearness(wanted: Sequence[Vector], found: Sequence[Vector]) -> Nearness:
    cosines = [float(one @ other) for one, other in zip(wanted, found, strict=True)]
    return Nearness(sum(cosines) / len(cosines), min(cosines))


def model_toml(files: dict[str, str], near: dict[str, Nearness]) -> str:
    """What the demo's model.toml says."""
    text = (
        "# Accuracy is the mean cosine of texts' vectors (the mean of their tokens') to those of the file in float32.\n"
        'variant = { name = "fp32" }\n'
    )
    for name, file in files.items():
        mean, least = near[name]
        said = f'name = "{name}"\nfile = "{file}"\naccuracy = {mean:.4f}  # at least {least:.4f}\n'
        text += f"\n[[variants]]\n{said}"
    return text


def _run_nncf(exact: Path, tokenizer: Path, xml_file: Path) -> None:
    """NNCF from its lock file, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="nncf-") as packages:
        install = ["install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--target", packages]
        done = subprocess.run([sys.executable, "-m", "pip", *install, "-r", str(LOCK)], check=False)
        if done.returncode:
            raise RuntimeError("NNCF could not be fetched; pip says above why")
        environment = {**os.environ, "PYTHONPATH": packages}
        program = [sys.executable, "-m", "tools.nncf_int8", str(exact), str(tokenizer), str(xml_file)]
        done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"NNCF failed: {done.stderr.decode(errors='replace')[-2000:]}")


def _onnx(file: Path) -> Run:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda sample: session.run(None, sample)[0]


def _openvino(file: Path) -> Run:
    model = openvino.Core().compile_model(file, "CPU")
    return lambda sample: model(sample)[0]
