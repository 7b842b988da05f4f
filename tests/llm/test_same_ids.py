"""A real model gives a request the same greedy ids alone and in any company, however its tokens are cut into steps."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.cache_folder import cache_folder
from headrace.llm.scheduler import Limits
from headrace.llm.sequence import Sequence
from headrace.llm.step import Chunk
from headrace.llm.step_plan import Budget
from headrace.llm.tokenizer import load
from headrace.runtimes.language import LanguageModel
from headrace.runtimes.openvino_open import Choices, Opened, load_language
from tests.llm.simulate import Simulation
from tests.processor import HAS_AVX512
from tests.tiles import kernels

ROOT = Path(__file__).parents[2]
FILE = next((ROOT / "models" / "smollm2").rglob("*.gguf"), None)
NUM_BLOCKS = 300
LENGTHS = (1, 2, 3, 31, 32, 33, 34, 64, 65, 97, 150, 161, 200, 257, 300, 420)  # also those that leave one token

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FILE is None, reason="models/smollm2 is not placed: see tools/place_models.py"),
]
Texts = list[tuple[list[int], int]]  # prompts, and how many tokens each is given


@pytest.fixture(scope="module", params=["ours", "openvino"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """8-bit weights and an 8-bit cache, as by default: activations are rounded, so that no difference stays small.

    Where the processor's products of codes have other bits in large steps, what is exact there.
    """
    assert FILE is not None
    choices = Choices(threads=2, kernels="openvino")
    if not HAS_AVX512:
        choices = Choices(threads=2, precision="f32", kv_precision="f32")
    if request.param == "ours":
        kernels()
        choices = Choices(threads=2, cache=cache_folder(os.environ))
    found = load_language(FILE, choices)
    found.model.allocate(NUM_BLOCKS)
    yield found
    found.model.close()


@pytest.fixture(scope="module")
def texts(opened: Opened) -> Texts:
    """Sixteen, all of them from the same documentation; each begins as one before, and goes on otherwise."""
    words = (ROOT / "docs" / "layout.md").read_text()
    ids = load(opened.checkpoint.tokenizer).encode(words)
    found = []
    for number, length in enumerate(LENGTHS):
        shared = min(length // 2, 96)
        begin = 150 * (number % 5)
        found.append(([*ids[:shared], *ids[begin : begin + length - shared]], 50 - 2 * number))
    return found


@pytest.fixture(scope="module")
def alone(opened: Opened, texts: Texts) -> list[list[int]]:
    return [by_itself(opened.model, text) for text in texts]


@pytest.fixture(scope="module")
def long_texts(texts: Texts) -> Texts:
    """So much is generated that memory runs short for some that are under way."""
    return [(prompt, 120) for prompt, _ in texts[3:9]]


@pytest.fixture(scope="module")
def long_alone(opened: Opened, long_texts: Texts) -> list[list[int]]:
    return [by_itself(opened.model, text) for text in long_texts]


def by_itself(model: LanguageModel, text: tuple[list[int], int]) -> list[int]:
    """The prompt in one step, then one token a step."""
    simulation = company(model)
    sequence = simulation.add(*text)
    simulation.run()
    assert len(simulation.steps) == text[1]
    return sequence.generated_ids


def company(
    model: LanguageModel, num_blocks: int = NUM_BLOCKS, max_chunk: int = 512, most_drafts: int = 0
) -> Simulation:
    return Simulation(
        num_blocks, model, Limits(2048), Budget(max_chunk=max_chunk), most_drafts=most_drafts, allocated=True
    )


def together(simulation: Simulation, texts: Texts, steps_between: int = 1) -> list[list[int]]:
    """What each is given, one arriving after another."""
    sequences: list[Sequence] = []
    for prompt, count in texts:
        sequences.append(simulation.add(prompt, count))
        for _ in range(steps_between):
            simulation.step()
    simulation.run()
    return [sequence.generated_ids for sequence in sequences]


@pytest.mark.parametrize(("max_chunk", "steps_between"), [(33, 1), (64, 1), (512, 0)])
def test_in_mixed_batches_and_chunks(
    opened: Opened, texts: Texts, alone: list[list[int]], max_chunk: int, steps_between: int
) -> None:
    simulation = company(opened.model, max_chunk=max_chunk)
    assert together(simulation, texts, steps_between) == alone
    assert max(len(step.chunks) for step in simulation.steps) > 8


def test_where_beginnings_are_known(opened: Opened, texts: Texts, alone: list[list[int]]) -> None:
    simulation = company(opened.model)
    together(simulation, texts)
    before = simulation.scheduler.num_found_tokens
    assert together(simulation, texts[::-1]) == alone[::-1]
    assert simulation.scheduler.num_found_tokens - before > 1200


def test_after_being_preempted(opened: Opened, long_texts: Texts, long_alone: list[list[int]]) -> None:
    simulation = company(opened.model, num_blocks=20)
    assert together(simulation, long_texts, steps_between=0) == long_alone
    assert simulation.scheduler.num_preempted > 2
    assert sum(num_generated_again(chunk) for step in simulation.steps for chunk in step.chunks) > 20


def num_generated_again(chunk: Chunk) -> int:
    """Tokens after the prompt that a chunk computes beside the last, which is computed in any case."""
    end = chunk.past + chunk.num_tokens - chunk.num_drafts - chunk.samples
    return max(0, end - max(chunk.past, chunk.sequence.num_prompt_tokens))


def test_with_tokens_proposed_ahead(opened: Opened, texts: Texts, alone: list[list[int]]) -> None:
    simulation = company(opened.model, most_drafts=15)
    assert together(simulation, texts, steps_between=12) == alone
    assert simulation.scheduler.draft_length.num_accepted > 30
    assert max(step.num_drafts for step in simulation.steps) > 4


def test_with_all_of_that_together(opened: Opened, long_texts: Texts, long_alone: list[list[int]]) -> None:
    simulation = company(opened.model, num_blocks=20, max_chunk=64, most_drafts=15)
    assert together(simulation, long_texts[::-1], steps_between=2) == long_alone[::-1]
    assert together(simulation, long_texts, steps_between=2) == long_alone
    scheduler = simulation.scheduler  # whether anyone is preempted too depends on how far drafts reach
    assert scheduler.num_found_tokens and scheduler.draft_length.num_accepted
