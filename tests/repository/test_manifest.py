"""Tests of model.toml's parser."""

import re
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import HeadraceError, ModelInvalid
from headrace.repository.manifest import parse_model_toml
from headrace.repository.overrides import Overrides, SaidVariant
from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy
from headrace.types import (
    FREE,
    Batching,
    Cache,
    DriftChoices,
    LanguageChoices,
    Objective,
    Padding,
    TensorSpec,
    WarmUp,
    WarmUpInput,
)

HERE = Path(__file__).parent
DOCUMENTATION = HERE.parents[1] / "docs" / "model-toml.md"


def parse(text: str, folder: Path = HERE) -> Overrides:
    return parse_model_toml(text.encode(), folder)


def test_an_empty_file_says_nothing() -> None:
    assert parse("") == Overrides()


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "one.raw").write_bytes(b"\0" * 16)
    text = """
    runtime = "openvino"
    device = "cpu"
    isolation = "none"
    instances = 2
    threads = 3
    version_policy = "all"
    batching = { max_size = 8, max_delay_ms = 2, max_queue = 100, tolerance = 0.01 }
    variant = { name = "fp32" }
    outputs = [{ name = "y", labels = ["cat", "dog"] }]
    parameters = { text = "a", whole = 1, flag = true }
    [llm]
    precision = "int4"
    kv_precision = "u8"
    kv_memory = "2GiB"
    speculation = "draft"
    prefix_cache = false
    max_sequences = 9
    max_context = 99
    draft = "small"
    draft_precision = "int8"
    reasoning = "<a> </a>"
    [[inputs]]
    name = "x"
    datatype = "FP32"
    shape = [-1, 4]
    optional = true
    reshape = [-1, 2, 2]
    [[warm_up]]
    name = "first"
    batch_size = 2
    count = 3
    inputs.x = { datatype = "FP32", shape = [4], data = "file", file = "one.raw" }
    [[variants]]
    name = "int8"
    file = "int8.onnx"
    accuracy = 0.99
    runtime = "onnx"
    """
    assert parse(text, tmp_path) == Overrides(
        runtime="openvino",
        device="cpu",
        isolation="none",
        instances=2,
        threads=3,
        version_policy=All(),
        batching=Batching(None, 8, 2.0, 100, 0.01),
        llm=LanguageChoices(
            "int4", "u8", "2GiB", "draft", False, 9, 99, draft="small", draft_precision="int8", reasoning="<a> </a>"
        ),
        inputs=(TensorSpec("x", "FP32", (FREE, 4), optional=True, model_shape=(FREE, 2, 2)),),
        outputs=(TensorSpec("y", "", (), labels=("cat", "dog")),),
        warm_up=(WarmUp("first", 2, 3, {"x": WarmUpInput("FP32", (4,), "file", "one.raw")}),),
        variant=SaidVariant("fp32", 1.0),
        variants=(SaidVariant("int8", 0.99, "int8.onnx", "onnx"),),
        parameters={"text": "a", "whole": "1", "flag": "true"},
    )


@pytest.mark.parametrize(
    ("said", "policy"), [('"all"', All()), ('"latest:2"', Latest(2)), ("[3, 1]", Specific((3, 1)))]
)
def test_version_policies_are_read(said: str, policy: VersionPolicy) -> None:
    assert parse(f"version_policy = {said}").version_policy == policy


@pytest.mark.parametrize(
    ("text", "batching"),
    [
        ("", Batching()),
        ("batching = false", Batching(enabled=False)),
        ("batching = true", Batching(enabled=True)),
        ("batching = { max_size = 8 }", Batching(max_size=8)),
        ('batching = { policy = "fixed", lanes = 2 }', Batching(policy="fixed", lanes=2)),
        ('batching = { lanes = "auto" }', Batching(lanes="auto")),
        ('batching = { spread = "off" }', Batching(spread="off")),
        ("batching = { pad = false }", Batching(pad=False)),
        ("batching = { pad = { axis = 2 } }", Batching(pad=Padding(2))),
        (
            'batching.pad = { axis = 1, values = { ids = 3, gain = 0.5, on = true }, mask = "on" }',
            Batching(pad=Padding(1, {"ids": 3, "gain": 0.5, "on": True}, "on")),
        ),
    ],
)
def test_a_word_settles_whether_rows_are_joined_and_a_table_leaves_it_to_probing(text: str, batching: Batching) -> None:
    assert parse(text).batching == batching


@pytest.mark.parametrize(
    ("said", "cache"),
    [
        ("", None),
        ("cache = false", False),
        ("cache = true", Cache()),
        ("cache = {}", Cache()),
        ("cache = { max_bytes = 1000 }", Cache(1000)),
        ("cache = { ttl_s = 2.5 }", Cache(ttl_s=2.5)),
    ],
)
def test_a_cache_is_read(said: str, cache: Cache | Literal[False] | None) -> None:
    assert parse(said).cache == cache


def test_an_objective_is_read() -> None:
    said = parse("objective = { p99_ms = 50, ttft_ms = 200.5 }").objective
    assert said == Objective(p99_ms=50, ttft_ms=200.5)


def test_a_context_of_nothing_is_the_models_own_as_in_the_settings() -> None:
    assert parse("llm.max_context = 0").llm == LanguageChoices(max_context=0)


def test_labels_may_lie_in_a_file_of_the_model_s_folder(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    assert parse('[[outputs]]\nname = "y"\nlabels = "labels.txt"', tmp_path).outputs[0].labels == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('runtme = "onnx"', "model.toml: runtme: unknown key; did you mean 'runtime'?"),
        ("batching = { size = 2 }", "model.toml: batching.size: unknown key; did you mean 'max_size'?"),
        ('[[inputs]]\nnme = "x"', "model.toml: inputs[0].nme: unknown key; did you mean 'name'?"),
        ("[[warm_up]]\ninputs.x = { shap = [1] }", "warm_up[0].inputs.x.shap: unknown key; did you mean 'shape'?"),
        ("zzz = 1", "model.toml: zzz: unknown key; known: runtime, device"),
        ('runtime = "torch"', "model.toml: runtime: says 'torch'; choose one of: onnx, openvino, llm, fake"),
        ("instances = 0", "model.toml: instances: says 0; expected a whole number of at least 1"),
        ("instances = true", "model.toml: instances: says true; expected a whole number"),
        ("threads = 99999999999999999999999", "expected a whole number of at most 1024"),
        ('threads = "2"', "model.toml: threads: says '2'; expected a whole number"),
        ("batching.pad = true", "model.toml: batching.pad: says true; give false, or a table as in { axis = 1, mask"),
        ("batching.pad = { mask = 'm' }", "model.toml: batching.pad.axis: is missing"),
        ("batching.pad = { axis = 0 }", "batching.pad.axis: says 0; expected a whole number of at least 1"),
        ("batching.pad = { axis = 1, value = 0 }", "batching.pad.value: unknown key; did you mean 'values'?"),
        (
            "batching.pad = { axis = 1, values = { x = 'a' } }",
            "batching.pad.values.x: says 'a'; expected true or false or a",
        ),
        ("batching = 3", "model.toml: batching: says 3; expected true or false or a table"),
        ("batching = { max_size = -1 }", "batching.max_size: says -1; expected a whole number of at least 1"),
        ("batching = { max_delay_ms = nan }", "batching.max_delay_ms: says nan; expected a number of at least 0"),
        ("batching = { pad = 3 }", "batching.pad: says 3; expected false, or a table as in { axis = 1, mask = ... }"),
        ('[[inputs]]\nname = "x"\ndatatype = "FP32"\nshape = [1, 0]', "inputs[0].shape[1]: says 0; give 1 or more"),
        ("batching = { lanes = 3 }", "batching.lanes: says 3; choose one of: auto, 1, 2"),
        ('batching = { policy = "best" }', "batching.policy: says 'best'; choose one of: deadline, fixed, none"),
        (
            "[batching.pad]\naxis = 1\nvalues = { x = 99999999999999999999 }",
            "model.toml: batching.pad.values.x: says 99999999999999999999; expected a whole number of at most 9223372",
        ),
        ("cache = { max_bytes = 0 }", "cache.max_bytes: says 0; expected a whole number of at least 1"),
        ("cache = { ttl_s = 0 }", "cache.ttl_s: says 0; expected a number above 0"),
        ("cache = { ttl = 5 }", "cache.ttl: unknown key; did you mean 'ttl_s'?"),
        ("cache = 5", "cache: says 5; expected"),
        ("objective = { p99_ms = 0 }", "objective.p99_ms: says 0; expected a number above 0"),
        ("objective = { p99_ms = nan }", "objective.p99_ms: says nan; expected a number above 0"),
        ("objective = { ttft_ms = inf }", "objective.ttft_ms: says inf; expected a number of at most 3600000"),
        ("objective = { availability = 1 }", "objective.availability: says 1; expected a number of at most 0.999999"),
        ("objective = { p99 = 5 }", "objective.p99: unknown key; did you mean 'p99_ms'?"),
        ('[[variant]]\nname = "a"', "variant: is one; for several say [[variants]]"),
        ("objective = 50", "objective: says 50; expected a table"),
        ("batching = { tolerance = inf }", "batching.tolerance: says inf; expected a number of at most"),
        ('version_policy = "latest:0"', 'give "all", "latest:N" with N of 1 or more, or a list like [1, 3]'),
        ("version_policy = []", "names no version; give at least one"),
        ("version_policy = [0]", "version_policy[0]: says 0; expected a whole number of at least 1"),
        ('[[inputs]]\ndatatype = "FP32"', "model.toml: inputs[0].name: is missing"),
        ('[[inputs]]\nname = ""', "inputs[0].name: says ''; expected text that is not empty"),
        ('[[inputs]]\nname = "x"\nshape = [1]', "inputs[0]: 'datatype' is missing; give datatype and shape together"),
        ('[[inputs]]\nname = "x"\nreshape = [1]', "inputs[0].reshape: needs the shape that clients see"),
        (
            '[[outputs]]\nname = "x"\ndatatype = "FP32"\nshape = [-1, 4, 5]\nreshape = [-1, 16]',
            "outputs[0].reshape: [-1, 16] has another size than shape [-1, 4, 5]",
        ),
        (
            '[[inputs]]\nname = "x"\ndatatype = "FP32"\nshape = [-1, -1]\nreshape = [-1, 16]',
            "inputs[0].reshape: [-1, 16] has another size than shape [-1, -1]; each -1 of one is one of the other",
        ),
        ('[[inputs]]\nname = "x"\ndatatype = "FP32"\nshape = [-2]', "inputs[0].shape[0]: says -2; expected"),
        ('[[inputs]]\nname = "x"\ndatatype = "F32"\nshape = []', "'F32' is not a datatype; known: BOOL, "),
        ('[[inputs]]\nname = "x"\n[[inputs]]\nname = "x"', "inputs[1].name: 'x' is there twice"),
        ('[[outputs]]\nname = "y"\noptional = true', "outputs[0].optional: unknown key; known: name, "),
        ('[[inputs]]\nname = "y"\nlabels = ["a"]', "inputs[0].labels: unknown key; known: name, "),
        ('[[outputs]]\nname = "y"\nlabels = "../secret"', "labels: '../secret' leads out of the model's folder"),
        ("[[warm_up]]\ninputs.x = 3", "model.toml: warm_up[0].inputs.x: says 3; expected a table"),
        (
            '[[warm_up]]\ninputs.x = { datatype = "FP32", shape = [1], data = "file" }',
            'warm_up[0].inputs.x: a file goes with data = "file"',
        ),
        ("llm.kv_memory = '2 cups'", "llm.kv_memory: says '2 cups'; give bytes as in 2GiB, a share"),
        ("llm.kv_memory = 2.5", "llm.kv_memory: says 2.5; give bytes as in 2GiB, a share"),
        ("llm.reasoning = '<think>'", "llm.reasoning: says '<think>'; give auto, off, or the marks around thoughts"),
        ("llm.precision = 'int3'", "llm.precision: says 'int3'; choose one of: auto, f32, bf16, int8, int4"),
        ("llm.draft_model = 'x'", "llm.draft_model: unknown key; did you mean 'draft"),
        ("llm.precison = 'f32'", "llm.precison: unknown key; did you mean 'precision'?"),
        ("parameters = { a = [1] }", "model.toml: parameters.a: says [1]; expected true or false or a whole number"),
        ("a = [\n1,\n}", "model.toml: is not TOML: Invalid value (at line 3, column 1)"),
        ("a = " + "[" * 10_000, "model.toml: is nested too deep"),
        ("threads = " + "1" * 5_000, "model.toml: has a number of more than 100 digits"),
        (".".join(["a"] * 20_000) + " = 1", "model.toml: has a key of more than 16 parts"),
    ],
)
def test_a_fault_is_named_with_its_key_and_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ModelInvalid) as error:
        parse(text)
    assert message in str(error.value)


def test_bytes_that_are_not_text_are_refused_with_their_place() -> None:
    with pytest.raises(ModelInvalid, match=r"model\.toml: is not UTF-8 at byte 4"):
        parse_model_toml(b"a = \xff", HERE)


def test_lines_may_end_and_files_begin_as_on_windows() -> None:
    assert parse_model_toml("\ufeff# of a model\r\nthreads = 2\r\n".encode(), HERE).threads == 2


def test_every_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    (tmp_path / "warmup").mkdir()
    (tmp_path / "warmup" / "image.raw").touch()
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    said = [parse(example, tmp_path) for example in examples]
    assert len(said) > 3
    assert Overrides() not in said


def test_every_key_has_its_place_in_the_documentation() -> None:
    headings = set(re.findall(r"^## `(?:\[\[)?(\w+)", DOCUMENTATION.read_text(), re.MULTILINE))
    not_of_the_file = {"filename", "warnings", "config"}
    assert headings == set(Overrides.__struct_fields__) - not_of_the_file


TOML_VALUES = st.recursive(
    st.sampled_from(
        ["true", "-1", "0", "7", "1.5", "nan", "inf", '"x"', '"all"', "1979-05-27", "10000000000000000000000"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(
            st.sampled_from(["name", "shape", "inputs", "datatype", "x", "max_size", "labels", "pad", "axis"]),
            inner,
            max_size=3,
        ).map(lambda table: "{ " + ", ".join(f"{key} = {value}" for key, value in table.items()) + " }")
    ),
    max_leaves=8,
)
TOML_FILES = st.dictionaries(st.sampled_from([*Overrides.__struct_fields__, "typo"]), TOML_VALUES).map(
    lambda table: "\n".join(f"{key} = {value}" for key, value in table.items())
)


@given(TOML_FILES)
def test_any_well_formed_file_is_read_or_refused_in_our_words(text: str) -> None:
    try:
        parse(text)
    except HeadraceError as error:
        assert str(error).startswith("model.toml: ")


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused_in_our_words(content: bytes) -> None:
    try:
        parse_model_toml(content, HERE)
    except HeadraceError as error:
        assert str(error).startswith("model.toml: ")


def test_a_change_of_signature_may_be_allowed() -> None:
    assert parse("allow_signature_change = true").allow_signature_change is True


def test_labels_are_read_and_held_against_what_a_label_is() -> None:
    assert parse("labels = { stable = 2 }").labels == {"stable": 2}
    with pytest.raises(ModelInvalid, match=r"labels: 'v2' is no label: a small letter"):
        parse("labels = { v2 = 2 }")


@pytest.mark.parametrize(
    ("said", "choices"),
    [
        ("drift = false", DriftChoices(enabled=False)),
        ("drift = { reference = 500, window = 100 }", DriftChoices(500, window=100, enabled=True)),
        ('drift = { reference = "previous" }', DriftChoices("previous", enabled=True)),
    ],
)
def test_drift_is_watched_as_it_is_said(said: str, choices: DriftChoices) -> None:
    assert parse(said).drift == choices


def test_a_reference_is_a_file_in_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "usual.npz").touch()
    assert parse('drift = { reference = "usual.npz" }', tmp_path).drift.file == (tmp_path / "usual.npz").resolve()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{ reference = 99 }", "drift.reference.*give 100 to 10000 rows, a file, or 'previous'"),
        ("{ window = 20000 }", "drift.window"),
        ('{ reference = "gone.npz" }', "drift.reference.*there is no 'gone.npz'"),
        ('{ reference = "../usual.npz" }', "drift.reference.*leads out of the model's folder"),
        ('{ reference = "usual.txt" }', "drift.reference.*ends in .npy, .npz, .csv"),
        ("{ refrence = 500 }", "drift.refrence.*did you mean 'reference'"),
    ],
)
def test_what_drift_cannot_be_is_named(tmp_path: Path, said: str, message: str) -> None:
    (tmp_path / "usual.txt").touch()
    with pytest.raises(ModelInvalid, match=message):
        parse(f"drift = {said}", tmp_path)
