"""Which files answer for a model version, and what is wrong with what is said of them."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.model_folder import read_model_folder
from headrace.repository.variants import files_of
from headrace.types import Manifest, Variant

INT8 = '[[variants]]\nname = "int8"\nfile = "int8.onnx"\naccuracy = 0.99\n'


def read(folder: Path, toml: str, *files: str) -> Manifest:
    """The manifest of a model with these files in its version's folder; raises the reason why there is none."""
    version = folder / "m" / "1"
    version.mkdir(parents=True)
    for name in files or ("model.onnx", "int8.onnx"):
        (version / name).touch()
    (folder / "m" / "model.toml").write_text(toml)
    found = read_model_folder("m", folder / "m")
    if found.broken:
        raise ModelInvalid(found.broken[0].reason)
    return found.manifests[0]


def test_a_model_without_others_has_no_variants(tmp_path: Path) -> None:
    manifest = read(tmp_path, "", "model.onnx")
    assert manifest.variants == ()
    assert files_of(manifest) == [("", manifest)]


def test_the_models_own_file_comes_first_and_is_called_default(tmp_path: Path) -> None:
    folder = tmp_path / "m" / "1"
    assert read(tmp_path, INT8).variants == (
        Variant("default", folder / "model.onnx", "onnx", 1.0),
        Variant("int8", folder / "int8.onnx", "onnx", 0.99),
    )


def test_the_models_own_file_may_be_named_and_be_less_than_exact(tmp_path: Path) -> None:
    manifest = read(tmp_path, 'variant = { name = "fp16", accuracy = 0.999 }\n' + INT8)
    assert [(each.name, each.accuracy) for each in manifest.variants] == [("fp16", 0.999), ("int8", 0.99)]


def test_the_same_file_may_be_a_variant_by_another_runtime(tmp_path: Path) -> None:
    text = '[[variants]]\nname = "openvino"\nfile = "model.onnx"\nruntime = "openvino"\naccuracy = 1\n'
    manifest = read(tmp_path, text, "model.onnx")
    assert [(each.path.name, each.runtime) for each in manifest.variants] == [
        ("model.onnx", "onnx"),
        ("model.onnx", "openvino"),
    ]


def test_the_only_file_may_be_a_variant_too(tmp_path: Path) -> None:
    again = '[[variants]]\nname = "again"\nfile = "model.onnx"\naccuracy = 1\nruntime = "openvino"\n'
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").touch()
    (tmp_path / "m" / "model.toml").write_text(again)  # which lies beside it, where there are no version folders
    (manifest,) = read_model_folder("m", tmp_path / "m").manifests
    assert [(each.name, each.path.name, each.runtime) for each in manifest.variants] == [
        ("default", "model.onnx", "onnx"),
        ("again", "model.onnx", "openvino"),
    ]


def test_a_file_that_is_a_variant_is_not_taken_for_the_model(tmp_path: Path) -> None:
    manifest = read(tmp_path, INT8, "exact.onnx", "int8.onnx")
    assert manifest.path.name == "exact.onnx"


def test_each_variant_is_loaded_as_if_its_file_were_the_only_one(tmp_path: Path) -> None:
    manifest = read(tmp_path, "threads = 2\n" + INT8.replace("int8.onnx", "q.xml"), "model.onnx", "q.xml")
    (own, first), (name, second) = files_of(manifest)
    assert (own, first.path.name, first.runtime, first.variants) == ("default", "model.onnx", "onnx", ())
    assert (name, second.path.name, second.runtime, second.threads) == ("int8", "q.xml", "openvino", 2)
    assert (first.joins, second.joins) == (False, True)  # the first answers meanwhile
    assert (first.variant, second.variant) == (own, name)


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        (INT8.replace("int8.onnx", "gone.onnx"), "model.toml: variants[0].file: there is no 'gone.onnx' in 1/"),
        (INT8.replace("int8.onnx", "../../x"), "variants[0].file: '../../x' leads out of the model's folder"),
        (INT8 + INT8, "model.toml: variants[1].name: 'int8' is there twice; give each its own"),
        (
            INT8.replace('"int8"', '"default"'),
            "variants[0].name: 'default' is there twice (the model's own file has it)",
        ),
        (INT8.replace("0.99", "1.5"), "model.toml: variants[0].accuracy: says 1.5; expected a number of at most 1"),
        (INT8.replace("0.99", "-0.1"), "variants[0].accuracy: says -0.1; expected a number of at least 0"),
        (INT8.replace("0.99", "nan"), "variants[0].accuracy"),
        (INT8.replace('"int8"', '"in t"'), "variants[0].name: says 'in t'; expected text"),
        (INT8.replace("accuracy = 0.99\n", ""), "variants[0].accuracy: is missing"),
        (INT8 + 'runtime = "llm"', "variants[0].runtime: says 'llm'; choose one of: onnx, openvino, fake"),
        (INT8 + 'runtime = "fake"', "variants[0].runtime: runtime 'fake' does not read int8.onnx; onnx, openvino does"),
        (INT8 + "speed = 3", "variants[0].speed: unknown key"),
        ('variant = { name = "fp32" }', "model.toml: variant: says what the file is as a variant; name others"),
    ],
)
def test_what_cannot_be_a_variant_is_refused_with_its_key(tmp_path: Path, toml: str, reason: str) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        read(tmp_path, toml)
    assert reason in str(refusal.value)


def test_a_file_of_unknown_kind_needs_its_runtime(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"variants\[0\]\.runtime: 'q\.bin' has no known suffix"):
        read(tmp_path, INT8.replace("int8.onnx", "q.bin"), "model.onnx", "q.bin")


def test_a_language_model_has_no_variants_and_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"model\.toml: variants: a language model has no variants"):
        read(tmp_path, INT8, "model.gguf", "int8.onnx")
    with pytest.raises(ModelInvalid, match=r"variants\[0\]\.file: 'q\.gguf' is a language model"):
        read(tmp_path / "other", INT8.replace("int8.onnx", "q.gguf"), "model.onnx", "q.gguf")
