"""The demo model's variants, as `make setup` makes them, behind a real server."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray

from tests.e2e.joined import wait_joined
from tests.program import Program
from tools.sample_texts import Encoded, encoded, evaluation

pytestmark = pytest.mark.slow


def asked(server: Program, sample: Encoded, **headers: str) -> NDArray[np.float32]:
    """The text's vector."""
    inputs = []
    for name, array in sample.items():
        inputs.append(triton.InferInput(name, array.shape, "INT64"))
        inputs[-1].set_data_from_numpy(array)
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    with triton.InferenceServerClient(server.http) as client:
        result = client.infer("minilm", inputs, headers=said)
    mean = result.as_numpy("last_hidden_state")[0].mean(axis=0)
    unit: NDArray[np.float32] = mean / np.linalg.norm(mean)
    return unit


@pytest.mark.parametrize("variant", ["int8", "nncf-int8"])
def test_a_variants_answers_are_as_near_as_its_accuracy_says(demo: Program, repository: Path, variant: str) -> None:
    said = tomllib.loads((repository / "minilm" / "model.toml").read_text())
    accuracy = next(each["accuracy"] for each in said["variants"] if each["name"] == variant)
    wait_joined(demo, "minilm")
    samples = encoded(evaluation()[:12], repository / "minilm" / "tokenizer.json")
    cosines = [float(asked(demo, each) @ asked(demo, each, x_variant=variant)) for each in samples]
    assert np.mean(cosines) > accuracy - 0.003
    assert np.mean(cosines) < 1 - 1e-4  # it is another file that answers
