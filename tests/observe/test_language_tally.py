"""What steps and generations say is counted once."""

import msgspec
import pytest

from headrace.generation import StepFacts, Times, Usage
from headrace.observe.histogram import Histogram
from headrace.observe.language_tally import LanguageTally, is_complete
from headrace.records import GenerationRecord
from tests.observe.make import MS, generated


def tally_of(*seen: StepFacts | GenerationRecord) -> LanguageTally:
    tally = LanguageTally()
    for each in seen:
        if isinstance(each, StepFacts):
            tally.add_step(each)
        else:
            tally.add_generation(each)
    return tally


def count(histogram: Histogram) -> int:
    return histogram.cumulative()[-1]


def test_tokens_are_counted_by_kind() -> None:
    facts = StepFacts(0.1, 20, 3, 64, 100, drafted_tokens=5, accepted_tokens=4, saved_tokens=7)
    tally = tally_of(facts, facts)
    assert tally.tokens == {"prompt": 40, "generated": 6, "cached": 128, "drafted": 10, "accepted": 8, "saved": 14}
    assert tally.queried_tokens == 200


def test_what_happened_in_steps_is_added_up() -> None:
    tally = tally_of(StepFacts(0.1, preempted=1, drafts=2, aborted=3), StepFacts(0.0, preempted=1, drafts=1, aborted=1))
    assert (tally.preemptions, tally.drafts, tally.cancelled) == (2, 3, 4)


def test_a_step_has_a_time_and_a_number_of_tokens() -> None:
    tally = tally_of(StepFacts(0.25, prompt_tokens=30, generated_tokens=2))
    assert (tally.step_ns.total, tally.step_tokens.total) == (250 * MS, 32)


def test_news_without_a_computation_are_no_step() -> None:
    tally = tally_of(StepFacts(0.0, aborted=1))
    assert (count(tally.step_ns), count(tally.step_tokens)) == (0, 0)


def test_each_sequences_gap_is_counted() -> None:
    tally = tally_of(StepFacts(0.1, gaps=((20 * MS, 31), (90 * MS, 1))))
    assert (count(tally.gap_ns), tally.gap_ns.total) == (32, (20 * 31 + 90) * MS)


def test_the_cache_is_as_full_as_after_the_last_step() -> None:
    tally = tally_of(StepFacts(0.1, used_blocks=9, num_blocks=10), StepFacts(0.1, used_blocks=2, num_blocks=10))
    assert tally.kv_usage == 0.2


def test_a_cache_without_blocks_is_empty() -> None:
    assert LanguageTally().kv_usage == 0


def test_a_lost_worker_holds_no_blocks() -> None:
    tally = tally_of(StepFacts(0.1, used_blocks=9, num_blocks=10))
    tally.worker_lost()
    assert tally.kv_usage == 0


def test_a_generation_that_is_complete_is_in_every_time() -> None:
    tally = tally_of(generated())
    assert (tally.queue_ns.total, tally.first_token_ns.total, tally.prefill_ns.total) == (10 * MS, 60 * MS, 50 * MS)
    assert (tally.decode_ns.total, tally.inference_ns.total, tally.whole_ns.total) == (200 * MS, 250 * MS, 260 * MS)
    assert tally.token_ns.total == 20 * MS


def test_the_size_of_a_generation_is_counted() -> None:
    tally = tally_of(generated(("stop", "length"), Usage(100, 18, 0), longest=11))
    assert (tally.prompt_tokens.total, tally.generated_tokens.total, tally.longest_choice.total) == (100, 18, 11)
    assert (tally.choices.total, tally.max_tokens.total) == (2, 50)
    assert tally.finishes == {"stop": 1, "length": 1}


def test_a_request_without_a_limit_has_none() -> None:
    assert count(tally_of(generated(max_tokens=None)).max_tokens) == 0


def test_a_single_token_has_no_time_between_tokens() -> None:
    assert count(tally_of(generated(usage=Usage(5, 1), longest=1)).token_ns) == 0


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_one_that_is_not_complete_is_in_no_time_but_those_it_had(finish: str) -> None:
    tally = tally_of(generated(("stop", finish)))
    assert (count(tally.first_token_ns), count(tally.queue_ns), count(tally.prefill_ns)) == (1, 1, 1)
    assert count(tally.whole_ns) == count(tally.decode_ns) == count(tally.generated_tokens) == 0
    assert tally.finishes == {"stop": 1, finish: 1}


def test_one_that_left_before_its_first_token_has_no_times() -> None:
    tally = tally_of(generated(("abort",), Usage(0, 0), Times()))
    assert (count(tally.first_token_ns), count(tally.queue_ns)) == (0, 0)


def test_what_was_promised_was_kept_or_late() -> None:
    kept = msgspec.structs.replace(generated(), first_due_ns=65 * MS, tpot_ns=20 * MS)
    late = msgspec.structs.replace(generated(), first_due_ns=64 * MS, tpot_ns=19 * MS)
    assert tally_of(generated()).promises == {}
    assert tally_of(kept, late, late).promises == {
        ("first_token", "kept"): 1,
        ("first_token", "late"): 2,
        ("pace", "kept"): 1,
        ("pace", "late"): 2,
    }


def test_a_pace_is_only_known_of_what_is_complete() -> None:
    left = msgspec.structs.replace(generated(("abort",)), first_due_ns=65 * MS, tpot_ns=20 * MS)
    assert tally_of(left).promises == {("first_token", "kept"): 1}


def test_a_generation_is_complete_once_every_choice_is() -> None:
    assert is_complete(generated(("stop", "length", "tool_calls")))
    assert not is_complete(generated(("stop", "abort")))
