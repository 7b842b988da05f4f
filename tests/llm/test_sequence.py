"""What a sequence says of itself."""

from headrace.llm.sequence import MOST_PAUSES, Sequence, Status
from headrace.llm.terms import Terms


def test_it_counts_what_it_knows_and_what_is_computed() -> None:
    sequence = Sequence(1, [5, 6, 7], max_tokens=4)
    sequence.num_computed_tokens = 3
    sequence.token_ids.append(8)
    assert sequence.status is Status.WAITING
    assert len(sequence) == 4
    assert sequence.num_prompt_tokens == 3
    assert sequence.num_uncomputed_tokens == 1
    assert sequence.num_generated_tokens == 1
    assert sequence.generated_ids == [8]
    assert sequence.num_tokens_left == 3


def test_drafts_are_not_known_tokens() -> None:
    sequence = Sequence(1, [5, 6, 7])
    sequence.draft_ids = [8, 9]
    assert len(sequence) == 3


def test_priority_comes_before_arrival() -> None:
    late = Sequence(1, [1], arrived_ns=5, terms=Terms(priority=1))
    early = Sequence(2, [1], arrived_ns=3)
    same = Sequence(3, [1], arrived_ns=3)
    assert sorted([same, early, late], key=lambda sequence: sequence.order) == [late, early, same]


def test_it_can_be_read_in_a_log() -> None:
    assert repr(Sequence(7, [1, 2])) == "Sequence(7, waiting, 0 of 2 tokens computed, 2 of the prompt)"


def test_it_remembers_when_it_made_room_for_others_the_first_times() -> None:
    sequence = Sequence(1, [1, 2])
    sequence.go_on(5)  # it begins
    for start_ns in range(10, 10 + 3 * MOST_PAUSES, 2):
        sequence.paused_ns = start_ns
        sequence.go_on(start_ns + 1)
    assert sequence.pauses[:2] == [(10, 11), (12, 13)]
    assert len(sequence.pauses) == MOST_PAUSES
