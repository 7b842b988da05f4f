"""Tokenizer, chat template and tokens that end a text, from a Hugging Face folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ModelInvalid
from headrace.generation import GenerationDefaults
from headrace.weights.checkpoint import Templates
from headrace.weights.fields import Fields
from headrace.weights.gguf_text import Text
from headrace.weights.hf_text import hf_text


def _read(folder: Path, config: dict[str, Any] | None = None, **files: Any) -> Text:
    tokenizer = {"version": "1.0", "added_tokens": [{"id": 7, "content": "<end>", "special": True}], "model": {}}
    for name, content in {"tokenizer": tokenizer, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    fields = Fields(config or {}, "config.json")
    return hf_text(folder, fields, fields, 40)


def test_the_tokenizer_is_the_folder_s(tmp_path: Path) -> None:
    assert _read(tmp_path).tokenizer.json == tmp_path / "tokenizer.json"


def test_a_missing_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json: is missing"):
        hf_text(tmp_path, Fields({}), Fields({}), 40)


def test_ends_are_gathered_from_every_file(tmp_path: Path) -> None:
    files = {"generation_config": {"eos_token_id": [5, 2]}, "tokenizer_config": {"eos_token": "<end>"}}
    assert _read(tmp_path, {"eos_token_id": 2}, **files).eos_ids == (2, 5, 7)


def test_what_the_folder_recommends_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, generation_config={"temperature": 0.6}).defaults == GenerationDefaults(temperature=0.6)


def test_the_tokenizer_may_describe_its_end(tmp_path: Path) -> None:
    assert _read(tmp_path, tokenizer_config={"eos_token": {"content": "<end>"}}).eos_ids == (7,)


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        ({"add_eos_token": True, "eos_token": "<end>"}, "<end>"),
        ({"eos_token": "<end>"}, ""),
        ({"add_eos_token": None}, ""),
    ],
)
def test_texts_that_are_embedded_end_as_the_tokenizer_is_configured(
    tmp_path: Path, told: dict[str, Any], ending: str
) -> None:
    assert _read(tmp_path, tokenizer_config=told).tokenizer.ending == ""
    assert hf_text(tmp_path, Fields({}), Fields({}), 40, embeds=True).tokenizer.ending == ending


def test_an_ending_without_a_token_is_refused(tmp_path: Path) -> None:
    _read(tmp_path, tokenizer_config={"add_eos_token": True})
    with pytest.raises(ModelInvalid, match=r"tokenizer_config\.json: eos_token: is missing"):
        hf_text(tmp_path, Fields({}), Fields({}), 40, embeds=True)


def test_the_first_token_is_the_configuration_s(tmp_path: Path) -> None:
    assert _read(tmp_path, {"bos_token_id": 1}).bos_id == 1
    assert _read(tmp_path).bos_id is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"tokenizer_config": {"chat_template": "a"}}, "a"),
        ({"tokenizer_config": {"chat_template": "a"}, "chat_template": {"chat_template": "b"}}, "b"),
        (
            {
                "tokenizer_config": {
                    "chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
                }
            },
            "d",
        ),
    ],
)
def test_the_chat_template_is_found_wherever_it_is(tmp_path: Path, files: dict[str, Any], expected: str | None) -> None:
    assert _read(tmp_path, **files).chat_templates.default == expected


def test_a_template_in_a_file_of_its_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("é")
    assert _read(tmp_path, tokenizer_config={"chat_template": "a"}).chat_templates.default == "é"


def test_a_template_for_tools_is_kept_beside_the_one_for_chats(tmp_path: Path) -> None:
    listed = [
        {"name": "default", "template": "d"},
        {"name": "tool_use", "template": "t"},
        {"name": "rag", "template": "r"},
    ]
    found = _read(tmp_path, tokenizer_config={"chat_template": listed}).chat_templates
    assert found == Templates("d", "t", ("default", "rag", "tool_use"))
    assert _read(tmp_path, tokenizer_config={"chat_template": listed[1:]}).chat_templates.names == ("rag", "tool_use")


def test_a_template_for_tools_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("d")
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "tool_use.jinja").write_text("t")
    assert _read(tmp_path).chat_templates == Templates("d", "t", ("default", "tool_use"))


@pytest.mark.parametrize(
    ("config", "files", "match"),
    [
        ({"eos_token_id": 40}, {}, "eos_token_id: must be tokens from 0 to 39, is 40"),
        ({"eos_token_id": ["a"]}, {}, "eos_token_id: must be tokens"),
        ({"bos_token_id": True}, {}, "bos_token_id: must be tokens"),
        ({}, {"tokenizer_config": {"chat_template": 3}}, "chat_template: must be a text"),
        (
            {},
            {"tokenizer_config": {"chat_template": [{"name": "default"}]}},
            "chat_template: must be a text, or a list",
        ),
        ({}, {"tokenizer": [], "tokenizer_config": {"eos_token": "<end>"}}, r"tokenizer\.json: cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    tmp_path: Path, config: dict[str, Any], files: dict[str, Any], match: str
) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(tmp_path, config, **files)
