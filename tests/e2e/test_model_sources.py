"""Folders of every family, a GGUF file and an exported graph behind one server: each computes what it should."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import openvino as ov
import pytest
from numpy.typing import NDArray
from openai import OpenAI
from tokenizers import Tokenizer, decoders, models

from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.weights.checkpoint import ENCODERS
from headrace.weights.hf_families import FAMILIES
from headrace.weights.open import open_checkpoint
from tests.program import ANY_PORTS, serving
from tests.weights.files import gguf_bytes
from tests.weights.models import (
    CONTEXT,
    VOCABULARY,
    config,
    gguf_metadata,
    gguf_tensors,
    hf_tensors,
    write_folder,
)
from tests.weights.modern import MODERN, TEXTS, modern_tensors
from tests.weights.reference import TEXT, VARIANTS, answer
from tests.weights.test_against_transformers import GOLDEN

pytestmark = pytest.mark.slow

DECODERS = [name for name, told in VARIANTS.items() if FAMILIES[told["model_type"]] not in ENCODERS]
EXACT = ("llm.precision=f32", "llm.kv_precision=f32", "llm.kv_memory=1MiB")
LETTERS = [chr(ord("A") + number) for number in range(VOCABULARY)]
"""The text of each token."""


def one_score() -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """A cross-encoder's config.json and tensors."""
    told = config("roberta", architectures=["RobertaForSequenceClassification"], pad_token_id=1, type_vocab_size=1)
    tensors = hf_tensors(told)
    tensors |= {
        f"classifier.out_proj.{name}": tensors[f"classifier.out_proj.{name}"][:1] for name in ("weight", "bias")
    }
    return told | {"num_labels": 1}, tensors


def place_gguf(path: Path) -> None:
    """A base model: a file whose chat template is left out."""
    told = gguf_metadata("llama") | {"tokenizer.ggml.tokens": LETTERS, "tokenizer.ggml.token_type": [1] * VOCABULARY}
    told |= {"tokenizer.ggml.pre": "default", "tokenizer.ggml.merges": []}
    del told["tokenizer.chat_template"]
    path.write_bytes(gguf_bytes(told, gguf_tensors("llama")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("repository")
    library = Tokenizer(models.BPE({letter: number for number, letter in enumerate(LETTERS)}, []))
    library.decoder = decoders.Fuse()
    text = json.loads(library.to_str())
    for name in (*DECODERS, "bert"):
        write_folder(made / name / "1", VARIANTS[name], tokenizer=text)
    (made / "phi3_long" / "model.toml").write_text(f"[llm]\nmax_context = {CONTEXT}")  # it has another rotation then
    write_folder(made / "modern" / "1", MODERN["masked"], modern_tensors(MODERN["masked"]), tokenizer=text)
    write_folder(made / "crossed" / "1", *one_score(), tokenizer=text)
    exported = write_folder(made / "exported" / "1", VARIANTS["qwen3"], tokenizer=text)
    graph = build_decoder(open_checkpoint(exported), Precision(), CONTEXT)
    ov.save_model(graph, exported / "openvino_model.xml", False)
    (exported / "model.safetensors").unlink()
    place_gguf(made / "base.gguf")
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[OpenAI]:
    flags = [flag for setting in EXACT for flag in ("--set", setting)]
    with (
        serving(folder, *ANY_PORTS, *flags) as program,
        OpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=0) as made,
    ):
        yield made


def log_probabilities(logits: NDArray[np.floating[Any]], token_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of every token but the first."""
    wide = logits[:-1].astype(np.float64)
    return np.asarray(wide[np.arange(len(wide)), token_ids[1:]] - np.log(np.exp(wide).sum(axis=1)))


def told(client: OpenAI, model: str) -> list[float]:
    prompt = TEXT.tolist()
    made = client.completions.create(model=model, prompt=prompt, max_tokens=0, echo=True, logprobs=0).choices[0]
    assert made.logprobs
    assert made.logprobs.token_logprobs
    return made.logprobs.token_logprobs[1:]


@pytest.mark.parametrize("name", DECODERS)
def test_a_folder_has_the_log_probabilities_of_transformers(client: OpenAI, name: str) -> None:
    with np.load(GOLDEN) as golden:
        expected = log_probabilities(golden[name], TEXT)
    assert np.abs(told(client, name) - expected).max() < 1e-3


def test_an_exported_graph_has_those_of_the_folder_that_it_was_made_from(client: OpenAI) -> None:
    assert np.abs(np.subtract(told(client, "exported"), told(client, "qwen3"))).max() < 1e-4


def test_a_file_has_those_of_its_tensors(client: OpenAI, folder: Path) -> None:
    expected = log_probabilities(answer(open_checkpoint(folder / "base.gguf"), TEXT), TEXT)
    assert np.abs(told(client, "base") - expected).max() < 1e-3


def test_a_base_model_continues_texts_and_a_chat_with_it_is_refused(client: OpenAI) -> None:
    text = client.completions.create(model="base", prompt="ABBA", max_tokens=8, extra_body={"ignore_eos": True})
    assert text.choices[0].text
    asked: Any = {"model": "base", "messages": [{"role": "user", "content": "ABBA"}], "max_tokens": 4}
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(**asked)
    assert refusal.value.param == "chat_template"
    template = "{% for message in messages %}{{ message.content }}{% endfor %}"
    given = client.chat.completions.create(**asked, extra_body={"chat_template": template})
    assert given.usage
    assert given.usage.prompt_tokens == 4


def test_vectors_are_the_mean_of_the_states_of_transformers(client: OpenAI) -> None:
    with np.load(GOLDEN) as golden:
        mean = golden["bert"].mean(axis=0)
    (found,) = client.embeddings.create(model="bert", input=[TEXT.tolist()], encoding_format="float").data
    assert np.array(found.embedding) @ mean / np.linalg.norm(mean) > 0.9999


def test_so_are_those_of_a_modernbert(client: OpenAI) -> None:
    with np.load(GOLDEN.with_name("golden_modern.npz")) as golden:
        means = [golden[f"masked_{len(text)}"].mean(axis=0) for text in TEXTS]
    asked = [text.tolist() for text in TEXTS]
    found = client.embeddings.create(model="modern", input=asked, encoding_format="float").data
    for each, mean in zip(found, means, strict=True):
        assert np.array(each.embedding) @ mean / np.linalg.norm(mean) > 0.9999


def test_a_cross_encoder_scores_what_it_reads_together(client: OpenAI, folder: Path) -> None:
    query, documents = "KITTEN", ["CAT", "TAX"]
    body = {"model": "crossed", "query": query, "documents": documents}
    ranked: Any = client.post("rerank", body=body, cast_to=object)
    checkpoint = open_checkpoint(folder / "crossed" / "1")
    for result in ranked["results"]:
        token_ids = np.array([LETTERS.index(letter) for letter in query + documents[result["index"]]])
        logit = answer(checkpoint, token_ids)[0]
        assert result["relevance_score"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
    assert ranked["method"] == "cross-encoder"
