"""Who has a model of another library's is told how it becomes one that is served."""

from pathlib import Path

import pytest

from headrace.repository.foreign import advice


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.pt", "torch.onnx.export"),
        ("net.PTH", "torch.onnx.export"),
        ("model.keras", "model.export"),
        ("clf.joblib", "skl2onnx"),
        ("model.plan", "TensorRT"),
        ("model.py", "Triton's Python backend"),
        ("pytorch_model-00001-of-00002.bin", "safe_serialization=True"),
        ("module.pt2", "torch.onnx.export"),
        ("net.mlpackage", "Core ML's"),
        ("trees.ubj", "onnxmltools"),
        ("model.graphdef", "call it model.pb"),
        ("Modelfile", "the .gguf file"),
        ("model.bin", ".xml file of the same name"),
        ("inference.pdiparams", ".pdmodel file"),
        ("model.safetensors", "config.json"),
        ("models.ZIP", "unpack it"),
        ("models.tar.gz", "unpack it"),
    ],
)
def test_a_file_of_another_library_comes_with_what_makes_a_model_of_it(name: str, says: str) -> None:
    told = advice([Path("labels.txt"), Path(name)])
    assert told.startswith(f"; {name} is ")
    assert says in told


def test_a_model_goes_before_what_may_lie_beside_one() -> None:
    told = advice([Path("data.gz"), Path("model.bin"), Path("model.pt")])
    assert told.startswith("; model.pt is ")


def test_other_files_come_without() -> None:
    assert advice([Path("labels.txt"), Path("weights.npy"), Path("README")]) == ""
