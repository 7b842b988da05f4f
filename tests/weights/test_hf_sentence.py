"""How sentence-transformers folders pool."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ModelInvalid
from headrace.weights.hf_sentence import Sentence, hf_sentence
from tests.weights.models import dense


def _folder(tmp_path: Path, *kinds: str, pooling: dict[str, Any] | None = None, **files: Any) -> Path:
    paths = ["", "1_Pooling", "2_Last", "3_More", "4_End"]
    modules = [
        {"idx": index, "path": paths[index], "type": f"sentence_transformers.models.{kind}"}
        for index, kind in enumerate(kinds)
    ]
    written = {"modules": modules, "1_Pooling/config": pooling or {"pooling_mode_cls_token": True}, **files}
    for name, content in written.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    return tmp_path


def test_a_folder_that_says_nothing_has_no_pooling(tmp_path: Path) -> None:
    assert hf_sentence(tmp_path) == Sentence()


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt"),
        ({"pooling_mode_weightedmean_tokens": True}, "weighted_mean"),
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": ["lasttoken"]}, "last"),
        ({"pooling_mode": "weightedmean", "pooling_mode_cls_token": True}, "weighted_mean"),
    ],
)
def test_pooling_is_read_from_the_module_s_folder(tmp_path: Path, pooling: dict[str, Any], expected: str) -> None:
    assert hf_sentence(_folder(tmp_path, "Transformer", "Pooling", pooling=pooling)).pooling == (expected,)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ("cls", "mean")),
        ({"pooling_mode": ["mean", "mean_sqrt_len_tokens", "cls"]}, ("mean", "mean_sqrt", "cls")),
    ],
)
def test_several_ways_come_in_the_list_s_order_or_else_in_the_one_that_flags_have(
    tmp_path: Path, pooling: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert hf_sentence(_folder(tmp_path, "Transformer", "Pooling", pooling=pooling)).pooling == expected


def test_vectors_are_normalised_where_a_module_says_so(tmp_path: Path) -> None:
    assert not hf_sentence(_folder(tmp_path, "Transformer", "Pooling")).normalize
    assert hf_sentence(_folder(tmp_path, "Transformer", "Pooling", "Normalize")).normalize


@pytest.mark.parametrize(
    ("kinds", "of_unit", "normalize"),
    [
        (["Dense"], [False], False),
        (["Dense", "Normalize"], [False], True),
        (["Normalize", "Dense"], [True], False),
        (["Dense", "Normalize", "Dense"], [False, True], False),
    ],
)
def test_dense_modules_are_given_what_is_before_them(
    tmp_path: Path, kinds: list[str], of_unit: list[bool], normalize: bool
) -> None:
    files = {f"{place}/config": dense(32, 16) for place in ("2_Last", "3_More", "4_End")}
    found = hf_sentence(_folder(tmp_path, "Transformer", "Pooling", *kinds, **files))
    assert ([module.layer.of_unit for module in found.dense], found.normalize) == (of_unit, normalize)


def test_the_longest_input_is_the_model_s_and_not_the_tokenizer_s(tmp_path: Path) -> None:
    files = {"sentence_bert_config": {"max_seq_length": 256}, "tokenizer_config": {"model_max_length": 128}}
    assert hf_sentence(_folder(tmp_path, "Transformer", "Pooling", **files)).max_length == 256


@pytest.mark.parametrize(("limit", "expected"), [(128, 128), (10**30, None), (None, None)])
def test_the_tokenizer_s_limit_holds_where_there_is_no_other(
    tmp_path: Path, limit: int | None, expected: int | None
) -> None:
    files = {"tokenizer_config": {"model_max_length": limit}}
    assert hf_sentence(_folder(tmp_path, "Transformer", "Pooling", **files)).max_length == expected


@pytest.mark.parametrize(
    ("kinds", "files", "match"),
    [
        (["Transformer", "Pooling", "LSTM"], {}, r"modules\.json: \[2\]\.type: 'LSTM' is not supported"),
        (["Transformer", "Pooling", "Dense"], {}, r"^2_Last/config\.json: out_features: is missing"),
        (
            ["Transformer", "Pooling", "Dense"],
            {"2_Last/config": {"module_input_name": "token_embeddings"}},
            r"^2_Last/config\.json: module_input_name: must be sentence_embedding",
        ),
        (["Transformer"], {}, "must be Transformer, Pooling and then Dense and Normalize"),
        (["Transformer", "Dense", "Pooling"], {}, "must be Transformer, Pooling and then Dense and Normalize"),
        (["Transformer", "Pooling"], {"pooling": {"pooling_mode_least": True}}, "pooling_mode_least: is not"),
        (
            ["Transformer", "Pooling"],
            {"pooling": {"pooling_mode_cls_token": False}},
            r"^1_Pooling/config\.json: pooling_mode: a way of pooling must be chosen, none is",
        ),
        (["Transformer", "Pooling"], {"pooling": {"pooling_mode": "least"}}, "pooling_mode: 'least' is not supported"),
        (["Transformer", "Pooling"], {"pooling": {"pooling_mode": []}}, r"pooling_mode: \[\] is not supported"),
        (
            ["Transformer", "Pooling"],
            {"pooling": {"pooling_mode": ["mean", "mean"]}},
            r"pooling_mode: \['mean', 'mean'\] is not supported; read are cls, max, .*, each once",
        ),
        (["Transformer", "Pooling"], {"pooling": {"pooling_mode": 3}}, "pooling_mode: 3 is not supported"),
        (["Transformer", "Pooling"], {"sentence_bert_config": {"do_lower_case": True}}, "do_lower_case: is not"),
        (
            ["Transformer", "Pooling"],
            {"config_sentence_transformers": {"default_prompt_name": "query"}},
            "default_prompt_name: is not supported",
        ),
        ([], {"modules": {}}, r"modules\.json: must be a list"),
        ([], {"modules": [3]}, r"modules\.json: \[0\]: must be an object"),
        ([], {"modules": [{"type": "a.Pooling", "path": "../x"}]}, r"\[0\]\.path: must be a name in this folder"),
        ([], {"modules": [{"type": "a.Transformer", "path": "0_BERT"}]}, r"\[0\]\.path: must be empty"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    tmp_path: Path, kinds: list[str], files: dict[str, Any], match: str
) -> None:
    with pytest.raises(ModelInvalid, match=match):
        hf_sentence(_folder(tmp_path, *kinds, **files))
