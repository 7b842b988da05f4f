"""What is asked of a decoder's precision becomes a plan, or is refused by its field."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.graphs.linear import Precision
from headrace.kernels.library import Library
from headrace.runtimes.openvino_plan import MANY_TOKENS, Asked, KvAsked, plan

OURS = Library(Path("/kept/kernels.so"))


def test_left_to_choose_weights_have_8_bits_and_are_computed_in_float32() -> None:
    found = plan("auto", "auto", ["Q4_1", "Q8_0", "Q4_1"])
    assert found.precision == Precision("int8", "int8")
    assert (found.compute, found.kv) == ("f32", "u8")
    assert found.text == "8-bit codes with a scale a row, from Q4_1 and Q8_0"


@pytest.mark.parametrize("asked", ["f32", "bf16"])
def test_numbers_meet_activations_that_are_not_rounded(asked: Asked) -> None:
    found = plan(asked, "auto", ["F16"])
    assert found.rounding_group == 0
    assert found.compute == asked


def test_four_bits_keep_a_head_of_eight() -> None:
    found = plan("int4", "f16", ["BF16"])
    assert (found.precision.weights, found.precision.head, found.kv) == ("int4", "int8", "f16")
    assert found.rounding_group == found.precision.group
    assert found.precision.edges == "int8"
    assert found.text.startswith("4-bit codes in groups of 64, ")


@pytest.mark.parametrize(
    ("widths", "group"), [((576, 1536), 96), ((896, 4864), 128), ((64, 96), 32), ((40, 64), 64), ((), 64)]
)
def test_groups_of_four_bits_are_the_largest_that_all_rows_have(widths: tuple[int, ...], group: int) -> None:
    found = plan("int4", "auto", ["Q4_1"], widths)
    assert (found.precision.group, found.rounding_group) == (group, group)
    assert f"in groups of {group}," in found.text
    assert plan("int8", "auto", ["Q4_1"], widths) == plan("int8", "auto", ["Q4_1"])


def test_rows_that_no_group_divides_are_told_to_have_8_bits() -> None:
    found = plan("int4", "auto", ["F16"], (40, 64))
    assert "the ends of the first and last layers and 1 of 2 matrices, whose rows 64 does not divide; " in found.text
    found = plan("int4", "auto", ["F16"], (40, 40))
    assert found.text == "8-bit codes with a scale a row, for 64 does not divide its rows, from F16"
    assert plan("int4", "auto", ["F16"], (40, 40), kernels=OURS).text.startswith("4-bit codes in groups of 32, ")


def test_the_fastest_form_has_the_fastest_cache_unless_another_is_asked_for() -> None:
    assert (plan("int4", "auto", []).kv, plan("int4", "u8", []).kv, plan("int8", "auto", []).kv) == ("f16", "u8", "u8")


def test_four_bits_are_computed_in_bf16_where_the_processor_multiplies_it() -> None:
    found = plan("int4", "auto", ["Q4_1"], (), ["avx2", "avx512_bf16"])
    assert (found.compute, found.kv) == ("bf16", "u8")
    assert plan("int4", "bf16", [], (), ["avx512_bf16"]).kv == "bf16"
    assert plan("int4", "auto", [], (), ["avx512f", "avx512_vnni"]).compute == "f32"


def test_four_bits_are_not_computed_in_tiles_which_few_rows_do_not_fill() -> None:
    tiles = ["avx512_bf16", "amx_tile", "amx_bf16"]
    found = plan("int4", "auto", ["Q4_1"], (), tiles)
    assert (found.compute, found.tiles_from, found.kv) == ("f32", MANY_TOKENS, "u8")
    assert found.tiles_options(2) == {**found.options(2), "INFERENCE_PRECISION_HINT": "bf16"}
    assert found.text.endswith(", prompts computed in bfloat16")
    asked = plan("int4", "bf16", ["Q4_1"], (), tiles)
    assert (asked.compute, asked.tiles_from) == ("bf16", 0)  # as its cache is asked to be


@pytest.mark.parametrize("kv", ["f16", "f32"])
def test_a_cache_that_bf16_cannot_read_has_one_graph(kv: KvAsked) -> None:
    assert plan("int4", kv, ["Q4_1"], (), ["avx512_bf16", "amx_tile", "amx_bf16"]).tiles_from == 0


@pytest.mark.parametrize("asked", ["auto", "int8", "f32"])
def test_what_is_to_be_exact_is_computed_in_float32_on_any_processor(asked: Asked) -> None:
    assert plan(asked, "auto", [], (), ["avx512_bf16", "amx_bf16"]) == plan(asked, "auto", [])


def test_a_bf16_cache_without_bf16_computing_is_refused() -> None:
    with pytest.raises(ModelInvalid) as refusal:
        plan("auto", "bf16", [])
    assert refusal.value.where == "llm.kv_precision"
    assert plan("bf16", "bf16", []).kv == "bf16"


@pytest.mark.parametrize("kv", ["u8", "f16", "bf16"])
@pytest.mark.parametrize("asked", ["auto", "bf16"])
def test_a_cache_other_than_float32_is_refused_where_attention_has_a_soft_cap(asked: Asked, kv: KvAsked) -> None:
    with pytest.raises(ModelInvalid, match=f'must be "auto" or "f32", is "{kv}"') as refusal:
        plan(asked, kv, [], capped=True)
    assert refusal.value.where == "llm.kv_precision"


@pytest.mark.parametrize("kv", ["auto", "f32"])
def test_where_attention_has_a_soft_cap_it_is_told_that_the_cache_is_float32(kv: KvAsked) -> None:
    found = plan("auto", kv, ["Q4_1"], capped=True)
    assert found.kv == found.options(1)["KV_CACHE_PRECISION"] == "f32"
    assert found.text == "8-bit codes with a scale a row, from Q4_1, with a float32 cache for its soft cap"


def test_a_float32_cache_for_a_soft_cap_can_be_read_by_a_second_graph() -> None:
    assert plan("int4", "auto", ["Q4_1"], (), ["avx512_bf16", "amx_tile", "amx_bf16"], capped=True).tiles_from


@pytest.mark.parametrize("asked", ["auto", "int8"])
def test_with_kernels_of_our_own_codes_are_multiplied_on_tiles_and_so_is_attention(asked: Asked) -> None:
    found = plan(asked, "auto", ["Q4_1"], kernels=OURS)
    assert found.precision == Precision("tiles8", "tiles8", library=OURS.path)
    assert (found.compute, found.kv, found.tile_attention, found.exact) == ("f32", "u8", True, True)
    assert found.text == "8-bit codes with a scale a row, from Q4_1, multiplied on tiles"


@pytest.mark.parametrize(("kv", "fit", "expected"), [("f16", True, "f16"), ("f32", True, "f32"), ("auto", False, "u8")])
def test_another_cache_and_heads_of_other_sizes_have_the_plug_ins_attention(
    kv: KvAsked, fit: bool, expected: KvAsked
) -> None:
    found = plan("auto", kv, [], kernels=OURS, heads_fit=fit)
    assert (found.precision.weights, found.tile_attention, found.kv) == ("tiles8", False, expected)


@pytest.mark.parametrize("asked", ["f32", "bf16"])
def test_numbers_are_multiplied_by_openvino(asked: Asked) -> None:
    assert plan(asked, "auto", [], kernels=OURS) == plan(asked, "auto", [])


@pytest.mark.parametrize("kv", ["auto", "u8"])
def test_our_attention_has_soft_caps_with_any_cache_of_its_own(kv: KvAsked) -> None:
    assert plan("auto", kv, [], capped=True, kernels=OURS).kv == "u8"
    assert plan("auto", "f32", [], capped=True, kernels=OURS).kv == "f32"


@pytest.mark.parametrize("kv", ["f16", "bf16"])
def test_a_refusal_for_a_soft_cap_names_the_cache_that_our_attention_has(kv: KvAsked) -> None:
    with pytest.raises(ModelInvalid, match=f'must be "auto", "u8" or "f32", is "{kv}"'):
        plan("auto", kv, [], capped=True, kernels=OURS)
    with pytest.raises(ModelInvalid, match=f'must be "auto" or "f32", is "{kv}"'):
        plan("auto", kv, [], capped=True, kernels=OURS, heads_fit=False)


@pytest.mark.parametrize(
    ("kv", "capped", "fit", "told"),
    [
        ("auto", True, True, ""),
        ("f32", True, True, ", with a float32 cache"),
        ("auto", True, False, ", with a float32 cache for its soft cap"),
        ("auto", False, False, ""),
        ("f16", False, True, ", with a float16 cache"),
    ],
)
def test_a_cache_that_is_not_of_codes_is_told_on_tiles(kv: KvAsked, capped: bool, fit: bool, told: str) -> None:
    found = plan("auto", kv, ["Q4_1"], capped=capped, kernels=OURS, heads_fit=fit)
    assert found.text == f"8-bit codes with a scale a row, from Q4_1, multiplied on tiles{told}"


def test_it_is_told_what_would_make_it_quicker() -> None:
    lacking = Library(None, "a C++ compiler")
    assert plan("auto", "auto", ["Q4_1"], kernels=lacking).text.endswith("; would be quicker with a C++ compiler")
    assert plan("f32", "auto", ["Q4_1"], kernels=lacking) == plan("f32", "auto", ["Q4_1"])


def test_it_is_told_that_a_cache_of_bf16_keeps_our_kernels_away() -> None:
    found = plan("int4", "bf16", ["Q4_1"], (), ["avx512_bf16", "amx_bf16"], kernels=OURS)
    told = "; would be quicker with another llm.kv_precision than bf16, by headrace's own kernels"
    assert (found.precision.library, found.text.endswith(told)) == (None, True)
    assert "quicker" not in plan("bf16", "bf16", ["Q4_1"], kernels=OURS).text


def test_options_give_one_stream_all_threads() -> None:
    options = plan("auto", "auto", []).options(7)
    assert (options["NUM_STREAMS"], options["INFERENCE_NUM_THREADS"]) == (1, 7)
