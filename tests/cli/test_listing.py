"""Model versions in a table and as JSON."""

import io
import json
from pathlib import Path
from typing import cast

import msgspec
from rich.console import Console

from headrace.cli.console import console
from headrace.cli.listing import (
    Listed,
    as_json,
    batch_in_words,
    language_in_words,
    listed,
    print_listing,
    spec_in_words,
)
from headrace.generation import GenerationDefaults, LanguageFacts
from headrace.models.registry import Served
from headrace.servable import Servable
from headrace.types import (
    FREE,
    BatchAxis,
    Manifest,
    ModelVersion,
    Objective,
    PadAxis,
    Signature,
    TensorSpec,
    Variant,
    VersionStatus,
)

IDS = TensorSpec("ids", "INT64", (FREE, 64))
SIGNATURE = Signature(
    (IDS,), (TensorSpec("y", "FP32", (FREE, 2)),), BatchAxis(True, 64, 2e-4), "onnxruntime_onnx", "onnx 1"
)
MANIFEST = Manifest("m", 1, Path("/r/m/model.onnx"), "onnx", provenance={"threads": "model.toml", "runtime": "default"})


class _Answers:
    """A Servable of which only the signature is asked."""

    signature = SIGNATURE


def _printed(versions: list[Listed]) -> str:
    out = io.StringIO()
    print_listing(versions, console(out))
    return out.getvalue()


def test_a_ready_version_shows_what_it_takes_and_gives_and_from_where() -> None:
    shown = _printed([Listed(VersionStatus("m", 1, "READY"), MANIFEST, SIGNATURE)])
    for part in ("READY", "onnx 1", "ids INT64 [?, 64]", "y FP32 [?, 2]", "up to 64 rows", "model.toml: threads"):
        assert part in shown


def test_where_there_are_no_models_it_says_where_they_belong() -> None:
    assert _printed([]) == (
        "There are no models: put each in a folder of its own, as in NAME/model.onnx or NAME/1/model.onnx\n"
    )


def test_a_version_that_cannot_be_served_says_why() -> None:
    shown = _printed([Listed(VersionStatus("m", None, "UNAVAILABLE", "it is [empty]"))])
    assert "UNAVAILABLE" in shown
    assert "m: reason: it is [empty]\n" in shown


def test_warnings_are_shown() -> None:
    manifest = Manifest("m", 1, Path("m.onnx"), "onnx", warnings=("optimization is not honoured",))
    shown = _printed([Listed(VersionStatus("m", 1, "READY"), manifest, SIGNATURE)])
    assert "m 1: warning: optimization is not honoured" in shown


def test_an_objective_is_shown_in_the_table_and_as_json() -> None:
    manifest = msgspec.structs.replace(MANIFEST, objective=Objective(p99_ms=50, ttft_ms=0.5, availability=0.9995))
    versions = [Listed(VersionStatus("m", 1, "READY"), manifest, SIGNATURE)]
    assert "m 1: objective: p99 50 ms, first token 0.5 ms, available 0.9995" in _printed(versions)
    assert json.loads(as_json(versions))[0]["objective"] == {"p99_ms": 50, "ttft_ms": 0.5, "availability": 0.9995}


def test_a_narrow_terminal_gets_a_paragraph_a_version_with_every_part_on_a_line_of_its_own() -> None:
    out = io.StringIO()
    print_listing([Listed(VersionStatus("m", 1, "READY"), MANIFEST, SIGNATURE)], Console(file=out, width=60))
    lines = [line.split(maxsplit=1) for line in out.getvalue().splitlines()]
    assert out.getvalue().startswith("m  1  READY  onnx 1\n")
    assert ["inputs", "ids INT64 [?, 64]"] in [[part.strip() for part in line] for line in lines]


def test_the_file_is_named_where_nothing_else_gave_anything() -> None:
    shown = _printed([Listed(VersionStatus("m", 1, "READY"), Manifest("m", 1, Path("/r/m.onnx"), "onnx"), SIGNATURE)])
    assert "m.onnx" in shown


def test_the_batch_axis_is_said_in_words() -> None:
    assert batch_in_words(BatchAxis(True, 8)) == "up to 8 rows: the same alone and together"
    assert batch_in_words(BatchAxis(True, 8, 0.1, "cosine 0.99")) == "up to 8 rows: cosine 0.99"
    assert batch_in_words(BatchAxis(False, why="rows mix")) == "none: rows mix"
    assert batch_in_words(BatchAxis(False)) == "none"
    assert batch_in_words(BatchAxis(False, pending=True)) == "learned from the first request"


def test_what_was_found_of_padding_is_said_in_words() -> None:
    pad = PadAxis(1, {"ids": 0}, why="the same alone and padded, to 2.0e-06")
    assert batch_in_words(BatchAxis(True, 8, pad=pad)).splitlines()[1:] == [
        "padded along axis 1: the same alone and padded, to 2.0e-06"
    ]
    tried = PadAxis(1, {"ids": 0}, why="the same alone and padded", lengths=(1, 4096))
    assert batch_in_words(BatchAxis(True, 8, pad=tried)).splitlines()[1:] == [
        "padded along axis 1, from 1 to 4,096: the same alone and padded"
    ]
    packed = msgspec.structs.replace(tried, packed=True)
    assert batch_in_words(BatchAxis(True, 8, pad=packed)).splitlines()[1:] == [
        "one behind another along axis 1, from 1 to 4,096, nothing filled up: the same alone and padded"
    ]
    kept = BatchAxis(True, 8, unpadded="padded, output 'y' moves by up to 0.3")
    assert batch_in_words(kept).splitlines()[1:] == ["not padded: padded, output 'y' moves by up to 0.3"]


def test_a_language_model_is_told_by_family_context_and_precision() -> None:
    facts = LanguageFacts("llama", ("generate", "embed"), 8192, 49152, 10**8, "int8 per channel", True)
    signature = msgspec.structs.replace(SIGNATURE, language=facts)
    shown = _printed([Listed(VersionStatus("m", 1, "READY"), MANIFEST, signature)])
    assert language_in_words(facts) == "llama, context 8,192, int8 per channel; generate, embed"
    for part in ("llama", "8,192", "int8"):
        assert part in shown


def test_a_longer_context_that_may_be_asked_for_is_told() -> None:
    facts = LanguageFacts("phi3", ("generate",), 4096, 100, 0, "int8", True, longest_context=131072)
    assert language_in_words(facts) == "phi3, context 4,096 of 131,072 (more by llm.max_context), int8; generate"


def test_the_model_that_drafts_is_told_beside() -> None:
    facts = LanguageFacts("llama", ("generate",), 8192, 100, 0, "int8", True, draft="small: int8")
    assert language_in_words(facts) == "llama, context 8,192, int8; generate; drafts by small: int8"


def test_what_a_model_recommends_is_told_beside() -> None:
    defaults = GenerationDefaults(temperature=0.7, max_tokens=1048576)
    facts = LanguageFacts("llama", ("generate",), 8192, 100, 0, "int8", True, defaults=defaults)
    told = "llama, context 8,192, int8; generate; by itself temperature 0.7, max_tokens 1048576"
    assert language_in_words(facts) == told


def test_a_scalar_and_an_optional_input_are_said_in_words() -> None:
    assert spec_in_words(TensorSpec("x", "FP32", ())) == "x FP32 []"
    assert spec_in_words(TensorSpec("x", "FP32", (1,), optional=True)) == "x FP32 [1] optional"


def test_as_json_each_version_is_an_object() -> None:
    statuses = VersionStatus("m", 1, "READY"), VersionStatus("n", None, "UNAVAILABLE", "no")
    ready, broken = json.loads(as_json([Listed(statuses[0], MANIFEST, SIGNATURE), Listed(statuses[1])]))
    assert (ready["name"], ready["inputs"][0]["shape"], ready["batch"]["max_size"]) == ("m", [-1, 64], 64)
    assert ready["provenance"] == {"threads": "model.toml", "runtime": "default"}
    assert broken == {"name": "n", "version": None, "state": "UNAVAILABLE", "reason": "no"}


def test_the_index_is_joined_with_what_is_served() -> None:
    served = Served(ModelVersion("m", 1), MANIFEST, cast(Servable, _Answers()))
    ready, broken = listed([VersionStatus("m", 1, "READY"), VersionStatus("m", 2, "UNAVAILABLE", "no")], [served])
    assert (ready.manifest, ready.signature) == (MANIFEST, SIGNATURE)
    assert (broken.manifest, broken.signature) == (None, None)


def test_variants_are_told_with_their_accuracy() -> None:
    variants = (Variant("fp32", MANIFEST.path, "onnx", 1.0), Variant("int8", Path("/r/m/q.xml"), "openvino", 0.9967))
    each = Listed(VersionStatus("m", 1, "READY"), msgspec.structs.replace(MANIFEST, variants=variants), SIGNATURE)
    assert "variants: fp32 1 (model.onnx, onnx), int8 0.9967 (q.xml, openvino)" in " ".join(_printed([each]).split())
    found = msgspec.structs.replace(SIGNATURE, variant_runtimes={"fp32": "onnx 1.32.0", "int8": "openvino 2026.2"})
    each = msgspec.structs.replace(each, signature=found)
    assert "int8 0.9967 (q.xml, openvino 2026.2)" in " ".join(_printed([each]).split())
    (told,) = json.loads(as_json([each]))
    assert told["variants"][1] == {"name": "int8", "path": "/r/m/q.xml", "runtime": "openvino", "accuracy": 0.9967}


def test_what_was_found_out_by_loading_is_among_the_warnings() -> None:
    manifest = msgspec.structs.replace(MANIFEST, warnings=("one",))
    signature = msgspec.structs.replace(SIGNATURE, warnings=("another",))
    (told,) = json.loads(as_json([Listed(VersionStatus("m", 1, "READY"), manifest, signature)]))
    assert told["warnings"] == ["one", "another"]


def test_a_name_makes_no_line_of_its_own() -> None:
    shown = _printed([Listed(VersionStatus("m\nn", 1, "UNAVAILABLE", "no\nn 2  READY"), None, None)])
    assert r"m\nn 1: reason: no\nn 2  READY" in shown
    assert not any(line.strip().startswith("n") and "READY" in line for line in shown.splitlines())
