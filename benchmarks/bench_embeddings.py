"""Embeddings over HTTP at mixed lengths against bare OpenVINO, turn by turn, and their vectors against ONNX Runtime's.

    python -m benchmarks.bench_embeddings [models/minilm_text/1] [--reference models/minilm/1/model.onnx] [--rounds 5]

Texts of 5 to 256 tokens, as many of each length as of any other. A bare loop computes them from token ids, in
batches of at most 1,024 tokens, and does nothing else: one in float32 by OpenVINO's kernels alone, where they are
sorted by length, and one of the graph that the server has. The server is asked by 32 connections with a
text each, and by 4 with 32 texts each; vectors come back in base64. The reference is the mean over each text's tokens
of the ONNX file's last hidden state, a text at a time, at length 1.
"""

import argparse
import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.results import keep, spread
from benchmarks.server import headrace
from headrace.devices.inventory import cores
from headrace.llm.encoder_batches import batches, first_that_fit
from headrace.llm.encoder_engine import laid
from headrace.llm.encoder_texts import Text
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tokenizer import load as load_tokenizer
from headrace.runtimes.language import TextEncoder
from headrace.runtimes.openvino_encoder import load_encoder
from headrace.runtimes.openvino_open import open_model
from headrace.runtimes.openvino_plan import Asked

SHORTEST, LONGEST, TEXTS = 5, 256, 256
WAYS = {"32 clients, a text each": (32, 1), "4 clients, 32 texts each": (4, 32)}
BARE: Mapping[str, Asked] = {"OpenVINO": "f32", "graph": "auto"}
"""Whose kernels compute in a loop, and what they are asked for."""

Rows = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/minilm_text/1"))
    parser.add_argument("--reference", type=Path, default=Path("models/minilm/1/model.onnx"))
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    checkpoint = open_model(asked.model)
    tokenizer = load_tokenizer(checkpoint.tokenizer)
    texts = made(tokenizer)
    token_ids = [list(each) for each in tokenizer.encode_many(texts)]
    loaded = {name: load_encoder(checkpoint, int(cores()), precision) for name, precision in BARE.items()}
    bare = {name: each.model for name, each in loaded.items()}
    with headrace(asked.model, "log.level=warning") as address:
        rounds = [measured(bare, token_ids, texts, address.http) for _ in range(asked.rounds + 1)][1:]
        rows = np.concatenate([embed(address.http, texts[begin : begin + 64]) for begin in range(0, TEXTS, 64)])
    cosines = (rows * reference(asked.reference, token_ids)).sum(axis=1)
    lengths = [len(each) for each in token_ids]
    figures: dict[str, object] = {
        "model": str(asked.model),
        "texts": TEXTS,
        "tokens": {"shortest": min(lengths), "longest": max(lengths), "all": sum(lengths)},
        "cosine to the reference": {"least": round(float(cosines.min()), 6), "mean": round(float(cosines.mean()), 6)},
        "held": {name: each.precision for name, each in loaded.items()},
        **{f"bare, {name}, texts/s": spread([each[name] for each in rounds]) for name in BARE},
    }
    for way in WAYS:
        figures[way] = {
            "texts/s": spread([each[way] for each in rounds]),
            **{f"served to bare {name}": spread([each[way] / each[name] for each in rounds]) for name in BARE},
        }
    keep("embeddings", figures)


def measured(
    bare: Mapping[str, TextEncoder], token_ids: Sequence[list[int]], texts: Sequence[str], address: str
) -> dict[str, float]:
    """Texts a second of each way, and bare, the mean of before and after."""
    before = {name: bare_per_second(model, token_ids) for name, model in bare.items()}
    found = {way: served_per_second(address, texts, *shape) for way, shape in WAYS.items()}
    after = {name: bare_per_second(model, token_ids) for name, model in bare.items()}
    return {**found, **{name: (before[name] + after[name]) / 2 for name in bare}}


def bare_per_second(model: TextEncoder, token_ids: Sequence[list[int]]) -> float:
    begun_s = time.perf_counter()
    lengths = [len(each) for each in token_ids]
    for batch in batches(lengths) if model.padded else in_turn(lengths):
        model.encode(laid([Text(token_ids[index]) for index in batch]))
    return len(token_ids) / (time.perf_counter() - begun_s)


def in_turn(lengths: Sequence[int]) -> Iterator[range]:
    """Batches of texts as they come, for a graph that fills none up."""
    begin = 0
    while begin < len(lengths):
        end = begin + first_that_fit(lengths[begin:])
        yield range(begin, end)
        begin = end


def served_per_second(address: str, texts: Sequence[str], clients: int, together: int) -> float:
    """All texts, asked for by so many clients, each with its next few as soon as it is answered."""
    begins = iter(range(0, len(texts), together))
    lock = threading.Lock()

    def client() -> None:
        link = http.client.HTTPConnection(address, timeout=60)
        while True:
            with lock:
                begin = next(begins, None)
            if begin is None:
                break
            ask(link, texts[begin : begin + together])
        link.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    begun_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(texts) / (time.perf_counter() - begun_s)


def embed(address: str, texts: Sequence[str]) -> Rows:
    link = http.client.HTTPConnection(address, timeout=60)
    found = json.loads(ask(link, texts))["data"]
    link.close()
    return np.stack([np.frombuffer(base64.b64decode(each["embedding"]), "<f4") for each in found])


def ask(link: http.client.HTTPConnection, texts: Sequence[str]) -> bytes:
    content = json.dumps({"input": list(texts), "encoding_format": "base64"})
    link.request("POST", "/v1/embeddings", content, {"Content-Type": "application/json"})
    answer = link.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(body.decode(errors="replace")[:500])
    return body


def made(tokenizer: Tokenizer) -> list[str]:
    """Texts of common words, in no order of length."""
    words = ["river", "water", "mill", "stone", "the", "of", "and", "a", "turns", "slowly", "under", "bridge", "old"]
    random = np.random.default_rng(0)
    framed = len(tokenizer.encode("river"))  # with what stands around a text
    counts = np.linspace(SHORTEST, LONGEST, TEXTS).astype(int) - framed + 1
    return [" ".join(random.choice(words, count)) for count in random.permutation(counts)]


def reference(file: Path, token_ids: Sequence[list[int]]) -> Rows:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = {each.name for each in session.get_inputs()}
    rows = []
    for each in token_ids:
        ids = np.array([each], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden = session.run(None, {name: feed[name] for name in names})[0]
        mean = hidden[0].mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


if __name__ == "__main__":
    main()
