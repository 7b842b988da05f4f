"""Whole GGUF files, split ones and damaged ones."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import ModelInvalid
from headrace.weights.gguf_checkpoint import gguf_checkpoint
from headrace.weights.hf_checkpoint import hf_checkpoint
from tests.weights.files import gguf_bytes, random_blocks
from tests.weights.models import (
    CONTEXT,
    VOCABULARY,
    config,
    gguf_metadata,
    gguf_tensors,
    hf_tensors,
    write_folder,
    write_gguf,
)

OLMO2 = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "model.layers": "blk",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "post_attention_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "post_feedforward_layernorm": "post_ffw_norm",
}
"""What llama.cpp's converter makes of names; rows stay in order."""

FAMILIES = ("llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "granite", "phi3", "smollm3", "olmo2", "bert")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_read(tmp_path: Path, family: str) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", family))
    assert found.architecture.family == family
    assert found.architecture.vocabulary == VOCABULARY
    assert found.max_input == CONTEXT
    assert found.chat_templates.default == "{{ messages }}"


def test_a_head_of_its_own_is_read(tmp_path: Path) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama", gguf_tensors("llama", tied=False)))
    assert not found.architecture.tied
    assert "head" in found.weights


def test_a_quantised_embedding_is_read(tmp_path: Path) -> None:
    tensors = gguf_tensors("llama") | {"token_embd.weight": random_blocks("Q8_0", (VOCABULARY, 32))}
    assert gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama", tensors)).weights["embed"].kind == "Q8_0"


def _converted(name: str) -> str:
    for own, its in OLMO2.items():
        name = name.replace(own, its)
    return name


def test_a_file_of_olmo2_says_what_its_folder_says(tmp_path: Path) -> None:
    told = config("olmo2", rms_norm_eps=float(np.float32(1e-5)))
    tensors = {_converted(name): values for name, values in hf_tensors(told).items()}
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "olmo2", tensors))
    wanted = hf_checkpoint(write_folder(tmp_path / "folder", told))
    assert found.architecture == wanted.architecture
    assert found.weights.keys() == wanted.weights.keys()
    assert all(np.array_equal(found.weights[name].dense(), each.dense()) for name, each in wanted.weights.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_tensor_is_refused_by_the_file_s_own_name(tmp_path: Path, family: str) -> None:
    tensors = gguf_tensors(family)
    for name in (name for name in tensors if name.endswith(".weight")):
        others = {other: values for other, values in tensors.items() if other != name}
        with pytest.raises(ModelInvalid) as refusal:
            gguf_checkpoint(write_gguf(tmp_path / "m.gguf", family, others))
        assert str(refusal.value) == f"tensors[{name}]: is missing"


def test_a_cross_encoder_has_as_many_labels_as_its_classifier(tmp_path: Path) -> None:
    tensors = gguf_tensors("bert")
    for name, shape in {"cls": (32, 32), "cls.output": (1, 32)}.items():
        tensors |= {f"{name}.weight": np.zeros(shape, np.float32), f"{name}.bias": np.zeros(shape[0], np.float32)}
    for number in (4, None):  # converters leave it out
        found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "bert", tensors, pooling_type=number)).architecture
        assert (found.labels, found.pooling, found.normalize) == (1, (), False)


def test_a_cross_encoder_that_lost_its_pooler_is_refused(tmp_path: Path) -> None:
    lost = {"cls.output.weight": np.zeros((1, 32), np.float32), "cls.output.bias": np.zeros(1, np.float32)}
    with pytest.raises(ModelInvalid, match=r"tensors\[cls\.weight\]: is missing"):
        gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "bert", gguf_tensors("bert") | lost))


def test_a_cross_encoder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"tensors\[cls\.output\.weight\]: is missing"):
        gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "bert", pooling_type=4))


def _split(tmp_path: Path, *, number: int = 1, count: int = 2) -> Path:
    tensors = list(gguf_tensors("llama").items())
    first = gguf_metadata("llama") | {"split.no": 0, "split.count": 2}
    path = tmp_path / "m-00001-of-00002.gguf"
    path.write_bytes(gguf_bytes(first, dict(tensors[:5])))
    other = gguf_bytes({"split.no": number, "split.count": count}, dict(tensors[5:]))
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(other)
    return path


def test_the_parts_of_a_split_file_are_one_model(tmp_path: Path) -> None:
    whole = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama"))
    split = gguf_checkpoint(_split(tmp_path))
    assert split.weights.keys() == whole.weights.keys()
    assert np.array_equal(split.weights["layers.1.down"].dense(), whole.weights["layers.1.down"].dense())


def test_any_part_stands_for_all(tmp_path: Path) -> None:
    path = _split(tmp_path)
    assert gguf_checkpoint(path.with_name("m-00002-of-00002.gguf")).digest == gguf_checkpoint(path).digest


def test_a_missing_part_is_refused_by_name(tmp_path: Path) -> None:
    path = _split(tmp_path)
    path.with_name("m-00002-of-00002.gguf").unlink()
    with pytest.raises(ModelInvalid, match=r"m-00002-of-00002\.gguf: is missing"):
        gguf_checkpoint(path)


@pytest.mark.parametrize(
    ("number", "count", "match"), [(0, 2, "split.no: must be 1"), (1, 3, "split.count: must be 2")]
)
def test_parts_of_different_files_are_refused(tmp_path: Path, number: int, count: int, match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        gguf_checkpoint(_split(tmp_path, number=number, count=count))


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    one = gguf_checkpoint(write_gguf(tmp_path / "a.gguf", "llama")).digest
    assert one == gguf_checkpoint(write_gguf(tmp_path / "b.gguf", "llama")).digest
    tensors = gguf_tensors("llama") | {"output_norm.weight": np.ones(32, np.float32)}
    assert one != gguf_checkpoint(write_gguf(tmp_path / "c.gguf", "llama", tensors)).digest


GOOD = gguf_bytes(gguf_metadata("gemma3"), gguf_tensors("gemma3"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    changes=st.lists(st.tuples(st.integers(0, 3500), st.integers(0, 255)), max_size=3), end=st.integers(0, len(GOOD))
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path: Path, changes: list[tuple[int, int]], end: int
) -> None:
    damaged = bytearray(GOOD)
    for at, byte in changes:
        damaged[at] = byte
    for content in (damaged, damaged[:end]):
        path = tmp_path / "m.gguf"
        path.write_bytes(bytes(content))
        try:
            gguf_checkpoint(path)
        except ModelInvalid:
            pass


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(
    key=st.sampled_from(sorted(gguf_metadata("gemma3"))),
    value=st.one_of(
        st.integers(-(1 << 63), (1 << 64) - 1),
        st.floats(width=32),
        st.booleans(),
        st.text(max_size=5),
        st.lists(st.integers(0, 1 << 63), max_size=3),
        st.lists(st.booleans(), max_size=3),
        st.lists(st.text(max_size=2), max_size=3),
    ),
)
def test_any_value_of_any_field_is_read_or_refused_and_nothing_else(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "m.gguf"
    try:
        content = gguf_bytes(gguf_metadata("gemma3") | {key: value}, gguf_tensors("gemma3"))
    except struct.error:
        return
    path.write_bytes(content)
    try:
        gguf_checkpoint(path)
    except ModelInvalid:
        pass
