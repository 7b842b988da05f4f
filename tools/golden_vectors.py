"""Have `sentence-transformers` embed texts with MiniLM, and keep both in tests/e2e/language_clients/minilm.npz.

Needs sentence-transformers and torch, which headrace and its tests do not: run it in an environment of its own, from
the repository's root, with `python -m tools.golden_vectors`, the demo models placed.
"""

import numpy as np
from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

TEXTS = [
    "Paris is the capital of France.",
    "A cat sleeps on the mat; 猫 naïve 🙂",
    "x",
    "def f(x):\n    return x + 1",
    "THE Quick brown fox!  Jumps...",
    "a much longer text about rivers and mills " * 40,
]
"""The last is longer than the model reads."""


def main() -> None:
    vectors = SentenceTransformer("models/minilm_text/1", device="cpu").encode(TEXTS, normalize_embeddings=True)
    np.savez_compressed("tests/e2e/language_clients/minilm.npz", texts=np.array(TEXTS), vectors=vectors)


if __name__ == "__main__":
    main()
