"""What is watched of a model, and what it is called."""

from headrace.drift.features import categorical, groups, plan, position_names, projected
from headrace.types import TensorSpec
from tests.drift.driven import signature


def names(*specs: TensorSpec, side: str = "inputs", most: int = 128) -> tuple[str, ...]:
    sign = signature(specs, ()) if side == "inputs" else signature((), specs)
    made = plan(sign, most)
    return made.names("inputs") if side == "inputs" else made.names("outputs")


def test_each_position_of_a_small_row_is_a_feature() -> None:
    assert names(TensorSpec("X", "FP32", (-1, 3))) == ("X[0]", "X[1]", "X[2]")


def test_a_row_of_several_dimensions_has_an_index_for_each_that_is_not_1() -> None:
    assert position_names("X", (2, 1, 2)) == ("X[0,0]", "X[0,1]", "X[1,0]", "X[1,1]")
    assert position_names("X", ()) == ("X[0]",)


def test_a_large_or_variable_row_is_summed_up_and_projected() -> None:
    for shape in ((-1, 65), (-1, -1, 8)):
        found = names(TensorSpec("X", "FP32", shape))
        assert found[:7] == ("X.mean", "X.std", "X.min", "X.max", "X.zeros", "X.missing", "X.length")
        assert found[7:] == tuple(f"X~{k}" for k in range(16))


def test_token_ids_have_length_and_share_of_unknown_ones() -> None:
    assert names(TensorSpec("input_ids", "INT64", (-1, -1)))[:2] == ("input_ids.length", "input_ids.unknown")
    assert "token_type_ids.unknown" not in names(TensorSpec("token_type_ids", "INT64", (-1, -1)))


def test_text_has_length_and_value() -> None:
    assert names(TensorSpec("T", "BYTES", (-1, 1)))[:2] == ("T.length", "T.value")


def test_scores_of_classes_have_class_score_and_entropy_besides_positions() -> None:
    found = names(TensorSpec("logits", "FP32", (-1, 3)), side="outputs")
    assert found == ("logits.class", "logits.score", "logits.entropy", "logits[0]", "logits[1]", "logits[2]")
    labelled = names(TensorSpec("Y", "FP32", (-1, 3), labels=("a", "b", "c")), side="outputs")
    assert labelled[0] == "Y.class"
    assert names(TensorSpec("Y", "FP32", (-1, 3)), side="outputs")[0] == "Y[0]"


def test_of_too_many_features_projections_go_first_and_are_named() -> None:
    sign = signature([TensorSpec("big", "FP32", (-1, 900)), TensorSpec("X", "FP32", (-1, 4))], ())
    made = plan(sign, 12)
    assert made.names("inputs") == (
        *(f"big.{what}" for what in ("mean", "std", "min", "max", "zeros", "missing", "length")),
        "big~0",
        "X[0]",
        "X[1]",
        "X[2]",
        "X[3]",
    )
    assert made.left_out == tuple(f"big~{k}" for k in range(1, 16))


def test_a_model_that_is_not_batched_has_one_row() -> None:
    made = plan(signature([TensorSpec("X", "FP32", (3,))], (), batched=False), 128)
    assert made.names("inputs") == ("X[0]", "X[1]", "X[2]")


def test_names_tell_projections_and_categories() -> None:
    assert (projected("X~3"), projected("X[3]"), projected("a~b")) == ("X", "", "")
    assert categorical("Y.class")
    assert not categorical("Y.score")
    assert groups(["A~0", "b", "A~1"]) == {"A": [0, 2]}
