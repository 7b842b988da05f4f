"""An encoder reads texts of several requests together, and each gets the rows that it would alone."""

from collections import defaultdict

import numpy as np

from headrace.generation import Embed, Embedded, Generate, LanguageFacts, Prompt, Score, Scored, Tokenize, Tokenized
from headrace.llm.encoder_batches import MOST_TOKENS
from headrace.llm.encoder_engine import WINDOW, EncoderEngine
from headrace.llm.engine_protocol import Answered
from tests.llm.encoders import FakeEncoder
from tests.llm.engines import preparing, prompt, run, tokenizer


class Bench:
    def __init__(self, scores: bool = False, max_tokens: int = 64, padded: bool = True) -> None:
        vocabulary = tokenizer().vocabulary
        self.model = FakeEncoder(vocabulary, max_tokens, 1 if scores else 8, padded)
        facts = LanguageFacts(
            "bert", ("score",) if scores else ("embed", "score"), max_tokens, vocabulary, 0, "f32", False
        )
        self.engine = EncoderEngine(self.model, preparing(vocabulary, max_tokens), facts)
        self.answers: dict[int, list[Answered]] = defaultdict(list)

    def run(self) -> None:
        run(self.engine, self.answers)

    def vectors(self, number: int) -> list[list[float]]:
        (only,) = self.answers[number]
        assert isinstance(only.result, Embedded), only
        found: list[list[float]] = np.frombuffer(only.result.vectors, "<f4").reshape(-1, 8).tolist()
        return found


def texts(seed: int, count: int) -> tuple[tuple[int, ...], ...]:
    lengths = np.random.default_rng(seed).integers(1, 60, count)
    return tuple(tuple(prompt(seed * 1000 + index, int(length))) for index, length in enumerate(lengths))


def test_each_text_has_the_row_that_it_would_have_alone() -> None:
    bench = Bench()
    for number in range(5):
        bench.engine.add(number, Embed(texts(number, 1 + 20 * number), normalize=False))
    bench.run()
    for number in range(5):
        expected = [bench.model.row(each).tolist() for each in texts(number, 1 + 20 * number)]
        assert bench.vectors(number) == expected


def test_one_of_few_texts_does_not_wait_for_one_of_many() -> None:
    bench = Bench()
    bench.engine.add(1, Embed(texts(1, 4 * WINDOW)))
    bench.engine.add(2, Embed(texts(2, 1)))
    bench.run()
    assert list(bench.answers) == [2, 1]


def test_where_texts_are_filled_up_those_of_like_length_are_read_together() -> None:
    bench = Bench()
    bench.engine.add(1, Embed(tuple(tuple(prompt(number, 4 if number % 2 else 60)) for number in range(32))))
    bench.run()
    assert all(max(batch) < 2 * min(batch) for batch in bench.model.batches)


def test_where_none_is_filled_up_they_are_read_as_they_come() -> None:
    bench = Bench(padded=False)
    bench.engine.add(1, Embed(texts(1, 100), normalize=False))
    bench.run()
    assert [length for batch in bench.model.batches for length in batch] == [len(each) for each in texts(1, 100)]
    assert max(map(sum, bench.model.batches)) <= MOST_TOKENS < sum(bench.model.batches[0]) + 60
    assert bench.vectors(1) == [bench.model.row(each).tolist() for each in texts(1, 100)]


def test_pairs_are_scored_with_their_types() -> None:
    bench = Bench(scores=True)
    bench.engine.add(1, Score("The server", ("starts", "answers")))
    bench.run()
    (only,) = bench.answers[1]
    assert isinstance(only.result, Scored)
    assert only.result.method == "cross-encoder"
    assert len(only.result.scores) == 2


def test_long_texts_are_read_aside() -> None:
    bench = Bench()
    bench.engine.add(1, Embed(("The model answers. " * 500,), truncate=True))
    assert bench.engine.counts().waiting == 1
    bench.run()
    assert len(bench.vectors(1)) == 1


def test_nothing_to_embed_is_answered_with_nothing() -> None:
    bench = Bench()
    bench.engine.add(1, Embed(()))
    bench.run()
    assert bench.vectors(1) == []


def test_an_aborted_request_is_not_read() -> None:
    bench = Bench()
    bench.engine.add(1, Embed(texts(1, 200)))
    bench.engine.add(2, Embed(texts(2, 3)))
    bench.engine.step()
    bench.engine.abort(1)
    bench.engine.abort(9)
    assert bench.engine.counts().aborted == 1
    bench.run()
    assert list(bench.answers) in ([2], [])
    assert sum(map(len, bench.model.batches)) < 100


def test_without_memory_those_of_the_batch_are_told() -> None:
    bench = Bench()
    bench.engine.add(1, Embed(texts(1, 3)))
    bench.model.full = True
    bench.run()
    (only,) = bench.answers[1]
    assert only.fault is not None
    assert only.fault.code == "unavailable"


def test_it_continues_no_text() -> None:
    bench = Bench()
    bench.engine.add(1, Generate(Prompt(text="The")))
    bench.engine.add(2, Tokenize(Prompt(text="The")))
    bench.run()
    assert bench.answers[1][0].fault is not None
    assert "it continues none" in bench.answers[1][0].fault.message
    assert isinstance(bench.answers[2][0].result, Tokenized)


def test_tokens_read_are_counted() -> None:
    bench = Bench()
    bench.engine.add(1, Embed((tuple(prompt(1, 7)), tuple(prompt(2, 6)))))
    bench.engine.step()
    assert bench.engine.counts().prompt_tokens == 13
    bench.engine.close()
    assert bench.model.closed
